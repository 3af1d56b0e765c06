#include "http/section_names.h"

#include <algorithm>

namespace sluice::http {

bool is_connection_specific(HeaderId id, std::string_view value) {
  switch (id) {
    case HeaderId::connection:
    case HeaderId::keep_alive:
    case HeaderId::proxy_connection:
    case HeaderId::transfer_encoding:
    case HeaderId::upgrade:
      return true;
    case HeaderId::te:
      return !iequals(value, "trailers");
    default:
      return false;
  }
}

std::string_view lower_name(std::string_view name, Arena& arena) {
  auto is_capital = [](char c) { return c >= 'A' && c <= 'Z'; };
  if (std::ranges::none_of(name, is_capital)) return name;
  std::span<char> text = arena.text(name.size());
  std::ranges::transform(name, text.begin(), [&](char c) { return is_capital(c) ? c | 0x20 : c; });
  return {text.data(), text.size()};
}

}  // namespace sluice::http
