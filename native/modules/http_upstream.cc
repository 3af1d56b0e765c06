#include "modules/http_upstream.h"

#include <algorithm>

#include "base/number.h"
#include "modules/header_variables.h"
#include "modules/variable_text.h"
#include "proxy/exchange.h"
#include "proxy/upstream_history.h"

namespace sluice {

namespace {

constexpr size_t largest_item = 24;

// One item per try: `a, b`; and ` : ` where another upstream took over.
template <class Item>
Value list(Exchange& exchange, Item item) {
  if (!exchange.upstream_history || !exchange.upstream_history->first()) return Value::none();
  size_t size = 0;
  for (const UpstreamTry* at = exchange.upstream_history->first(); at; at = at->next) {
    size += std::max(at->peer.size(), largest_item) + 3;
  }
  std::span<char> text = exchange.arena.text(size);
  char* out = text.data();
  for (const UpstreamTry* at = exchange.upstream_history->first(); at; at = at->next) {
    if (at->peer.empty()) {
      out = std::copy_n(" : ", 3, out);
      continue;
    }
    if (out != text.data() && out[-1] != ' ') out = std::copy_n(", ", 2, out);
    out = item(*at, out);
  }
  return Value::of(exchange.arena.trim(text, size_t(out - text.data())));
}

Value address(Exchange& exchange, std::uintptr_t) {
  return list(exchange, [](const UpstreamTry& at, char* out) {
    return std::copy(at.peer.begin(), at.peer.end(), out);
  });
}

Value status(Exchange& exchange, std::uintptr_t) {
  return list(exchange, [](const UpstreamTry& at, char* out) {
    if (at.status) return format_decimal(out, at.status);
    *out++ = '-';
    return out;
  });
}

template <int64_t UpstreamTry::*time>
Value seconds(Exchange& exchange, std::uintptr_t) {
  return list(exchange, [](const UpstreamTry& at, char* out) {
    if (at.*time < 0) {
      *out++ = '-';
      return out;
    }
    out = format_decimal(out, uint64_t(at.*time) / 1000);
    *out++ = '.';
    return format_padded(out, uint64_t(at.*time) % 1000, 3);
  });
}

template <uint64_t UpstreamTry::*count>
Value bytes(Exchange& exchange, std::uintptr_t) {
  return list(exchange,
              [](const UpstreamTry& at, char* out) { return format_decimal(out, at.*count); });
}

const http::ResponseHead* last_head(Exchange& exchange) {
  return exchange.upstream_history ? exchange.upstream_history->head : nullptr;
}

Value header(Exchange& exchange, std::uintptr_t name) {
  const http::ResponseHead* head = last_head(exchange);
  return head ? variables::by_name(exchange, head->headers, name) : Value::none();
}

Value trailer(Exchange& exchange, std::uintptr_t name) {
  const http::ResponseHead* head = last_head(exchange);
  return head ? variables::by_name(exchange, head->trailers, name) : Value::none();
}

// The value that a Set-Cookie field gives the cookie (RFC 6265, 5.2).
Value cookie(Exchange& exchange, std::uintptr_t data) {
  std::string_view name = *reinterpret_cast<const std::string_view*>(data);
  const http::ResponseHead* head = last_head(exchange);
  if (!head) return Value::none();
  for (const http::Header& field : head->headers) {
    if (field.id != http::HeaderId::set_cookie ||
        !http::iequals(field.value.substr(0, name.size()), name))
      continue;
    std::string_view rest = field.value.substr(name.size());
    rest.remove_prefix(std::min(rest.size(), rest.find_first_not_of(' ')));
    if (!rest.starts_with('=')) continue;
    rest.remove_prefix(1);
    rest.remove_prefix(std::min(rest.size(), rest.find_first_not_of(' ')));
    return Value::of(rest.substr(0, rest.find(';')));
  }
  return Value::none();
}

constexpr VariableDefinition upstream_variables[] = {
    {.name = "upstream_addr", .get = address, .cacheable = false},
    {.name = "upstream_status", .get = status, .cacheable = false},
    {.name = "upstream_connect_time",
     .get = seconds<&UpstreamTry::connect_time>,
     .cacheable = false},
    {.name = "upstream_header_time", .get = seconds<&UpstreamTry::header_time>, .cacheable = false},
    {.name = "upstream_response_time",
     .get = seconds<&UpstreamTry::response_time>,
     .cacheable = false},
    {.name = "upstream_response_length",
     .get = bytes<&UpstreamTry::response_length>,
     .cacheable = false},
    {.name = "upstream_bytes_received",
     .get = bytes<&UpstreamTry::bytes_received>,
     .cacheable = false},
    {.name = "upstream_bytes_sent", .get = bytes<&UpstreamTry::bytes_sent>, .cacheable = false},
    {.name = "upstream_http_", .get = header, .prefix = true, .cacheable = false},
    {.name = "upstream_trailer_", .get = trailer, .prefix = true, .cacheable = false},
    {.name = "upstream_cookie_", .get = cookie, .prefix = true, .cacheable = false},
};

}  // namespace

const Module http_upstream = {
    .id = ModuleId::http_upstream,
    .name = "http_upstream",
    .variables = upstream_variables,
};

}  // namespace sluice
