#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>

/// Aborts, so that the fuzzer reports the input.
#define FUZZ_REQUIRE(condition) \
  do {                          \
    if (!(condition)) abort();  \
  } while (false)

namespace sluice::fuzz {

/// A copy of exactly its size on the heap: AddressSanitizer sees the first byte read past it.
class Exact {
 public:
  explicit Exact(std::string_view bytes) : copy_(new char[bytes.size()]), size_(bytes.size()) {
    bytes.copy(copy_.get(), size_);
  }
  std::string_view view() const { return {copy_.get(), size_}; }

 private:
  std::unique_ptr<char[]> copy_;
  size_t size_;
};

/// Feeds a scanner a growing prefix of `bytes`, `step` more bytes each time, until it is done.
/// `scanned` keeps the last prefix.
template <typename Scanner>
typename Scanner::Result scan_in_steps(Scanner& scanner, std::string_view bytes, size_t step,
                                       Exact& scanned) {
  auto result = Scanner::Result::incomplete;
  for (size_t size = 0; size < bytes.size() && result == Scanner::Result::incomplete;) {
    size = size + step < bytes.size() ? size + step : bytes.size();
    scanned = Exact(bytes.substr(0, size));
    result = scanner.scan(scanned.view());
  }
  return result;
}

}  // namespace sluice::fuzz
