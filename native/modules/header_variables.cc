#include "modules/header_variables.h"

#include <algorithm>

#include "base/string_map.h"
#include "proxy/exchange.h"

namespace sluice::variables {

namespace {

using http::Header;
using http::HeaderId;
using http::HeaderList;

template <class Wanted>
Value joined(Arena& arena, const HeaderList& fields, std::string_view separator, Wanted wanted) {
  const Header* first = std::find_if(fields.begin(), fields.end(), wanted);
  if (first == fields.end()) return Value::none();
  if (std::find_if(first + 1, fields.end(), wanted) == fields.end()) return Value::of(first->value);
  size_t size = 0;
  for (const Header& field : fields) {
    if (wanted(field)) size += field.value.size() + separator.size();
  }
  std::span<char> text = arena.text(size - separator.size());
  char* end = text.data();
  for (const Header& field : fields) {
    if (!wanted(field)) continue;
    if (end != text.data()) end = std::ranges::copy(separator, end).out;
    end = std::ranges::copy(field.value, end).out;
  }
  return Value::of({text.data(), text.size()});
}

bool spells(std::string_view field_name, std::string_view variable) {
  return std::ranges::equal(field_name, variable, [](char c, char wanted) {
    return (c == '-' ? '_' : char(CaselessText::lower(c))) == wanted;
  });
}

// As nginx reads a Cookie field; what is malformed is skipped up to the next `;`, and with it what
// it runs into.
const char* find_cookie(std::string_view field, std::string_view name) {
  const char* at = field.data();
  const char* const end = at + field.size();
  auto skip_spaces = [&] {
    while (at < end && *at == ' ') ++at;
  };
  while (at < end) {
    auto left = size_t(end - at);
    if (left >= name.size() && http::iequals({at, name.size()}, name)) {
      at += name.size();
      skip_spaces();
      if (at < end && *at++ == '=') {
        skip_spaces();
        return at;
      }
    }
    at = std::find(at, end, ';');
    if (at < end) ++at;
    skip_spaces();
  }
  return nullptr;
}

}  // namespace

Value by_name(Exchange& exchange, const HeaderList& fields, std::uintptr_t data) {
  std::string_view name = *reinterpret_cast<const std::string_view*>(data);
  return joined(exchange.arena, fields, ", ",
                [name](const Header& field) { return spells(field.name, name); });
}

Value known_header(Exchange& exchange, std::uintptr_t data) {
  auto id = HeaderId(data);
  return joined(exchange.arena, exchange.request.headers, id == HeaderId::cookie ? "; " : ", ",
                [id](const Header& field) { return field.id == id; });
}

Value known_sent_header(Exchange& exchange, std::uintptr_t data) {
  auto id = HeaderId(data);
  return joined(exchange.arena, exchange.response.headers, ", ",
                [id](const Header& field) { return field.id == id; });
}

Value header(Exchange& exchange, std::uintptr_t name) {
  return by_name(exchange, exchange.request.headers, name);
}

Value sent_header(Exchange& exchange, std::uintptr_t name) {
  return by_name(exchange, exchange.response.headers, name);
}

Value sent_trailer(Exchange& exchange, std::uintptr_t name) {
  return by_name(exchange, exchange.response.trailers, name);
}

Value cookie(Exchange& exchange, std::uintptr_t data) {
  std::string_view name = *reinterpret_cast<const std::string_view*>(data);
  for (const Header& field : exchange.request.headers) {
    if (field.id != HeaderId::cookie) continue;
    if (const char* start = find_cookie(field.value, name)) {
      const char* end = field.value.data() + field.value.size();
      return Value::of({start, std::find(start, end, ';')});
    }
  }
  return Value::none();
}

}  // namespace sluice::variables
