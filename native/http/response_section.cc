#include "http/response_section.h"

#include <algorithm>

#include "base/clock.h"
#include "base/number.h"
#include "http/join.h"
#include "http/section_names.h"
#include "proxy/exchange.h"

namespace sluice::http {
namespace {

std::string_view decimal(uint64_t value, Arena& arena) {
  std::span<char> text = arena.text(decimal_size(value));
  format_decimal(text.data(), value);
  return {text.data(), text.size()};
}

void append_fields(const HeaderList& headers, Arena& arena, Section& to) {
  for (const Header& field : headers) {
    if (is_connection_specific(field.id, field.value)) continue;
    to.push_back({lower_name(field.name, arena), field.value});
  }
}

void append_content_fields(const ResponseHead& head, Arena& arena, Section& to) {
  if (!head.content_type.empty()) {
    std::string_view type = head.content_type;
    if (!head.charset.empty()) type = join(arena, {type, "; charset=", head.charset});
    to.push_back({"content-type", type});
  }
  if (head.content_length) {
    to.push_back({"content-length", decimal(*head.content_length, arena)});
  }
  if (head.last_modified && !head.headers.find(HeaderId::last_modified)) {
    std::span<char> date = arena.text(http_date_size);
    format_http_date(*head.last_modified, date.first<http_date_size>());
    to.push_back({"last-modified", {date.data(), date.size()}});
  }
}

}  // namespace

void append_response_head(Exchange& exchange, bool extended_connect, Section& to) {
  const ResponseHead& head = exchange.response;
  bool tunnel = extended_connect && head.status == 101;
  to.push_back({":status", decimal(tunnel ? 200 : head.status, exchange.arena)});
  if (std::string_view server = exchange.server_token(); !server.empty()) {
    to.push_back({"server", server});
  }
  if (!head.without_date && !head.headers.find(HeaderId::date)) {
    to.push_back({"date", exchange.arena.copy(Clock::of_thread().http_date())});
  }
  append_content_fields(head, exchange.arena, to);
  exchange.absolute_location();  // replaces the field where it has to be absolute
  for (const Header& field : head.headers) {
    if (is_connection_specific(field.id, field.value)) continue;
    std::string_view name = lower_name(field.name, exchange.arena);
    if (tunnel && name == "sec-websocket-accept") continue;
    to.push_back({name, field.value});
  }
}

void append_interim_head(uint16_t status, const HeaderList& headers, Arena& arena, Section& to) {
  to.push_back({":status", decimal(status, arena)});
  append_fields(headers, arena, to);
}

void append_trailers(const HeaderList& trailers, Arena& arena, Section& to) {
  append_fields(trailers, arena, to);
}

}  // namespace sluice::http
