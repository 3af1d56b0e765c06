#pragma once

#include <algorithm>
#include <initializer_list>
#include <string_view>

#include "base/arena.h"

namespace sluice::http {

/// The parts, one after the other, in the arena.
inline std::string_view join(Arena& arena, std::initializer_list<std::string_view> parts) {
  size_t size = 0;
  for (std::string_view part : parts) size += part.size();
  std::span<char> text = arena.text(size);
  char* out = text.data();
  for (std::string_view part : parts) out = std::copy(part.begin(), part.end(), out);
  return {text.data(), text.size()};
}

/// An octet as nginx's log shows it: two hexadecimal digits.
struct HexOctet {
  char digits[2];
  explicit HexOctet(unsigned char octet)
      : digits{"0123456789abcdef"[octet >> 4], "0123456789abcdef"[octet & 15]} {}
  std::string_view view() const { return {digits, 2}; }
};

}  // namespace sluice::http
