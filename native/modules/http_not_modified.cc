#include "modules/http_not_modified.h"

#include "base/clock.h"
#include "modules/http_core.h"
#include "proxy/exchange.h"

namespace sluice {

namespace {

using http::Header;
using http::HeaderId;

std::string_view skip_while(std::string_view text, std::string_view characters) {
  size_t at = text.find_first_not_of(characters);
  return at == text.npos ? std::string_view() : text.substr(at);
}

std::string_view without_weakness(std::string_view etag) {
  return etag.size() > 2 && etag.starts_with("W/") ? etag.substr(2) : etag;
}

/// Whether the list names the response's entity tag; `weak` is RFC 9110, 8.8.3.2's weak comparison.
bool list_has_etag(Exchange& exchange, std::string_view list, bool weak) {
  if (list == "*") return true;
  const Header* field = exchange.response.headers.find(HeaderId::etag);
  if (!field) return false;
  std::string_view etag = weak ? without_weakness(field->value) : field->value;

  while (!list.empty()) {
    if (weak) list = without_weakness(list);
    if (etag.size() > list.size()) return false;
    if (list.starts_with(etag)) {
      list = skip_while(list.substr(etag.size()), " \t");
      if (list.empty() || list.front() == ',') return true;
    }
    size_t comma = list.find(',');
    list = comma == list.npos ? std::string_view() : skip_while(list.substr(comma), " \t,");
  }
  return false;
}

bool unmodified_since(Exchange& exchange, std::string_view date) {
  std::optional<int64_t> modified = exchange.response.modified();
  if (!modified) return false;
  std::optional<int64_t> since = parse_http_date(date);
  return since && *since >= *modified;
}

bool modified_since(Exchange& exchange, std::string_view date) {
  using Since = CoreConf::IfModifiedSince;
  Since mode = exchange.conf<CoreConf>().if_modified_since;
  std::optional<int64_t> modified = exchange.response.modified();
  if (!modified || mode == Since::off) return true;
  std::optional<int64_t> since = parse_http_date(date);
  if (!since) return true;
  if (*since == *modified) return false;
  return mode == Since::exact || *since < *modified;
}

Verdict precondition_failed(Exchange& exchange) {
  // The error page isn't the entity that the handler described.
  exchange.response.clear();
  return Verdict::status(412);
}

Verdict test_conditions(Exchange& exchange) {
  http::ResponseHead& response = exchange.response;
  if (response.status != 200 || exchange.is_subrequest() || exchange.unconditional) {
    return Verdict::ok();
  }
  const Header* unmodified = nullptr;
  const Header* match = nullptr;
  const Header* modified = nullptr;
  const Header* none_match = nullptr;
  for (const Header& field : exchange.request.headers) {
    switch (field.id) {
      case HeaderId::if_unmodified_since:
        if (!unmodified) unmodified = &field;
        break;
      case HeaderId::if_match:
        if (!match) match = &field;
        break;
      case HeaderId::if_modified_since:
        if (!modified) modified = &field;
        break;
      case HeaderId::if_none_match:
        if (!none_match) none_match = &field;
        break;
      default:
        break;
    }
  }

  if (unmodified && !unmodified_since(exchange, unmodified->value)) {
    return precondition_failed(exchange);
  }
  if (match && !list_has_etag(exchange, match->value, false)) return precondition_failed(exchange);
  if (!modified && !none_match) return Verdict::ok();
  if (modified && modified_since(exchange, modified->value)) return Verdict::ok();
  if (none_match && !list_has_etag(exchange, none_match->value, true)) return Verdict::ok();

  response.status = 304;
  response.reason = {};
  response.content_type = {};
  response.content_length.reset();
  response.headers.remove(HeaderId::content_length);
  response.headers.remove(HeaderId::accept_ranges);
  response.headers.remove(HeaderId::content_encoding);
  exchange.allow_ranges = false;
  return Verdict::ok();
}

}  // namespace

const Module http_not_modified = {
    .id = ModuleId::http_not_modified,
    .name = "http_not_modified",
    .header_filter = test_conditions,
};

}  // namespace sluice
