#pragma once

#include <cassert>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "http/message.h"

namespace sluice::h1 {

/// Puts a start line and fields one after the other into room that is large enough.
class HeadWriter {
 public:
  explicit HeadWriter(std::span<char> out)
      : start_(out.data()), position_(out.data()), end_(out.data() + out.size()) {}

  /// One after the other.
  template <std::convertible_to<std::string_view>... Texts>
  void text(const Texts&... texts) {
    put(std::string_view(texts)...);
  }
  void number(uint64_t value);
  /// `NAME: VALUE CRLF`.
  void field(std::string_view name, std::string_view value) { text(name, ": ", value, "\r\n"); }
  void end_line() { text("\r\n"); }
  size_t size() const { return static_cast<size_t>(position_ - start_); }

 private:
  template <std::same_as<std::string_view>... Texts>
  [[gnu::always_inline]] void put(Texts... texts) {
    assert((texts.size() + ...) <= static_cast<size_t>(end_ - position_));
    char* at = position_;
    ((at = append(at, texts)), ...);
    position_ = at;
  }
  [[gnu::always_inline]] static char* append(char* at, std::string_view text) {
    if (!text.empty()) std::memcpy(at, text.data(), text.size());
    return at + text.size();
  }

  char* start_;
  char* position_;
  char* end_;
};

/// Bytes that HeadWriter::field() takes.
constexpr size_t field_size(std::string_view name, std::string_view value) {
  return name.size() + value.size() + 4;
}

/// What the codec adds to a response head.
struct ResponseExtras {
  std::string_view server{};  ///< value of Server; empty: none is added (the response has its own)
  std::string_view date{};    ///< value of Date; empty: none is added
  std::string_view location{};  ///< a Location made absolute: goes to nginx's place, and `location`
                                ///< fields are left out
  bool upgrade = false;         ///< `Connection: upgrade` (101)
  bool vary_accept_encoding = false;  ///< gzip_vary
  uint32_t keep_alive_timeout = 0;    ///< seconds for `Keep-Alive: timeout=`; 0: none
};

/// Bytes that write_response_head() needs at most.
size_t response_head_size(const http::ResponseHead& head, const ResponseExtras& extras);
/// Writes a whole HTTP/1.1 head, fields in nginx's order, and returns its length.
/// `out` has response_head_size() bytes at least.
size_t write_response_head(const http::ResponseHead& head, const ResponseExtras& extras,
                           std::span<char> out);

/// A 1xx head: status line and fields.
size_t interim_head_size(uint16_t status, const http::HeaderList& headers);
size_t write_interim_head(uint16_t status, const http::HeaderList& headers, std::span<char> out);

/// `METHOD TARGET VERSION CRLF` of a request to an upstream; fields and the empty line follow by
/// HeadWriter.
size_t request_line_size(std::string_view method, std::string_view target);
void write_request_line(HeadWriter& writer, std::string_view method, std::string_view target,
                        http::Version version);

}  // namespace sluice::h1
