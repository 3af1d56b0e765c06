#include "http/request_check.h"

#include "http/field_value.h"
#include "http/host.h"

namespace sluice::http {
namespace {

/// Fields that nginx accepts only once.
constexpr HeaderIds unique = {
    HeaderId::host,     HeaderId::content_length,    HeaderId::transfer_encoding,
    HeaderId::if_match, HeaderId::if_modified_since, HeaderId::if_unmodified_since,
    HeaderId::if_range, HeaderId::if_none_match,     HeaderId::content_range,
    HeaderId::expect,   HeaderId::authorization,     HeaderId::proxy_authorization};

RequestError check_unique(const HeaderList& headers, Refusal& why) {
  if (!headers.repeated().meets(unique)) return RequestError::none;
  HeaderIds seen;
  for (const Header& field : headers) {
    if (unique.contains(field.id) && seen.contains(field.id)) {
      why.field = field;
      why.previous = *headers.find(field.id);
      return field.id == HeaderId::host ? RequestError::duplicate_host
                                        : RequestError::duplicate_header_line;
    }
    seen.add(field.id);
  }
  return RequestError::none;
}

/// What all Connection fields together ask for.
Persistence asked_persistence(const HeaderList& headers) {
  Persistence persistence = Persistence::unsaid;
  if (!headers.ids().contains(HeaderId::connection)) return persistence;
  for (const Header& field : headers) {
    if (field.id == HeaderId::connection) persistence = connection_option(field.value, persistence);
  }
  return persistence;
}

RequestError check_host(RequestHead& head, Arena& arena) {
  const Header* field = head.headers.find(HeaderId::host);
  std::optional<Host> host;
  bool absolute = head.version <= Version::http11 && !head.scheme.empty();
  if (absolute || !head.authority.empty()) {
    host = parse_host(head.authority, arena);
    if (!host) return RequestError::invalid_host_in_request_line;
  }
  if (field) {
    std::optional<Host> of_field = parse_host(field->value, arena);
    if (!of_field) return RequestError::invalid_host;
    if (!host) host = of_field;
  }
  if (host) {
    head.host = host->name;
    head.host_port = host->port;
  }
  bool said = field || (head.version > Version::http11 && host);
  return said || head.version < Version::http11 ? RequestError::none : RequestError::missing_host;
}

RequestError check_framing(RequestHead& head, Refusal& why) {
  const Header* length = head.headers.find(HeaderId::content_length);
  if (length) {
    head.content_length = parse_content_length(length->value);
    if (!head.content_length) return RequestError::invalid_content_length;
  }
  const Header* encoding = head.headers.find(HeaderId::transfer_encoding);
  if (!encoding) return RequestError::none;
  if (head.version < Version::http11) return RequestError::encoding_in_http10;
  if (!iequals(encoding->value, "chunked")) {
    why.text = encoding->value;
    return RequestError::unknown_encoding;
  }
  if (length) return RequestError::length_and_encoding;
  head.chunked = true;
  return RequestError::none;
}

RequestError check_method(const RequestHead& head, bool allow_connect) {
  if (head.method == Method::trace) return RequestError::trace_refused;
  if (head.method != Method::connect) return RequestError::none;
  if (!allow_connect || head.version < Version::http11) return RequestError::connect_refused;
  bool body = head.chunked || head.content_length.value_or(0) > 0;
  return body ? RequestError::connect_with_body : RequestError::none;
}

RequestError check(RequestHead& head, bool allow_connect, Arena& arena, Refusal& why) {
  RequestError error = check_unique(head.headers, why);
  if (error != RequestError::none) return error;
  error = check_host(head, arena);
  if (error == RequestError::none) error = check_framing(head, why);
  if (error == RequestError::none) error = check_method(head, allow_connect);
  Persistence asked = asked_persistence(head.headers);
  head.keep_alive = asked == Persistence::unsaid ? head.version >= Version::http11
                                                 : asked == Persistence::keep_alive;
  if (head.method == Method::connect) head.keep_alive = false;
  return error;
}

}  // namespace

RequestError check_request(RequestHead& head, bool allow_connect, Arena& arena, Refusal& why) {
  RequestError error = check(head, allow_connect, arena, why);
  if (error != RequestError::none) why.error = error;
  return error;
}

}  // namespace sluice::http
