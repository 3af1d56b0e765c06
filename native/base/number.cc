#include "base/number.h"

#include <charconv>

namespace sluice {
std::optional<uint64_t> parse_decimal(std::string_view text) {
  if (text.empty()) return {};
  uint64_t value = 0;
  for (char c : text) {
    unsigned digit = static_cast<unsigned char>(c) - unsigned{'0'};
    if (digit > 9 || __builtin_mul_overflow(value, 10, &value) ||
        __builtin_add_overflow(value, digit, &value)) {
      return {};
    }
  }
  return value;
}

std::optional<uint64_t> parse_hex(std::string_view text) {
  uint64_t value = 0;
  const char* end = text.data() + text.size();
  auto [stopped, error] = std::from_chars(text.data(), end, value, 16);
  if (error != std::errc() || stopped != end) return {};
  return value;
}

std::optional<uint64_t> parse_size(std::string_view text) {
  int shift = 0;
  if (!text.empty()) {
    switch (text.back() | 0x20) {
      case 'k':
        shift = 10;
        break;
      case 'm':
        shift = 20;
        break;
      case 'g':
        shift = 30;
        break;
    }
  }
  if (shift) text.remove_suffix(1);
  auto value = parse_decimal(text);
  if (!value || *value > UINT64_MAX >> shift) return {};
  return *value << shift;
}

char* format_decimal(char* out, uint64_t value) {
  return std::to_chars(out, out + max_decimal_size, value).ptr;
}

char* format_hex(char* out, uint64_t value) {
  return std::to_chars(out, out + max_hex_size, value, 16).ptr;
}

char* format_padded(char* out, uint64_t value, unsigned width) {
  for (unsigned size = decimal_size(value); size < width; ++size) *out++ = '0';
  return format_decimal(out, value);
}

unsigned decimal_size(uint64_t value) {
  unsigned size = 1;
  while (value >= 10) {
    value /= 10;
    ++size;
  }
  return size;
}

}  // namespace sluice
