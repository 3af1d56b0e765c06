#pragma once

#include <cstdint>
#include <string_view>

#include "base/number.h"
#include "proxy/exchange.h"

/// Values as text in the exchange's arena.
namespace sluice {

inline Value decimal_value(Exchange& exchange, uint64_t number) {
  std::span<char> text = exchange.arena.text(decimal_size(number));
  format_decimal(text.data(), number);
  return Value::of({text.data(), text.size()});
}

/// Seconds with three decimals; what is negative counts as zero.
inline Value seconds_value(Exchange& exchange, int64_t milliseconds) {
  const auto ms = uint64_t(milliseconds < 0 ? 0 : milliseconds);
  std::span<char> text = exchange.arena.text(decimal_size(ms / 1000) + 4);
  char* end = format_decimal(text.data(), ms / 1000);
  *end++ = '.';
  format_padded(end, ms % 1000, 3);
  return Value::of({text.data(), text.size()});
}

/// Empty for what is no port.
inline Value port_value(Exchange& exchange, uint16_t port) {
  return port ? decimal_value(exchange, port) : Value::of({});
}

inline Value copied_value(Exchange& exchange, std::string_view text) {
  return Value::of(exchange.arena.copy(text));
}

}  // namespace sluice
