#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice {

/// Digits only, at least one; nothing on overflow.
std::optional<uint64_t> parse_decimal(std::string_view text);
std::optional<uint64_t> parse_hex(std::string_view text);
/// nginx's size: a decimal number, then nothing or one of k K m M g G.
std::optional<uint64_t> parse_size(std::string_view text);

/// The most characters that the following write.
constexpr size_t max_decimal_size = 20;
constexpr size_t max_hex_size = 16;
/// Writes the number without leading zeros; returns the end of what it wrote.
char* format_decimal(char* out, uint64_t value);
char* format_hex(char* out, uint64_t value);
/// At least `width` digits, with leading zeros.
char* format_padded(char* out, uint64_t value, unsigned width);
/// How many digits format_decimal() writes.
unsigned decimal_size(uint64_t value);

}  // namespace sluice
