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

struct Noted {
  const Header* host = nullptr;
  const Header* length = nullptr;
  const Header* encoding = nullptr;
  Persistence persistence = Persistence::unsaid;
};

void note(const Header& field, Noted& noted) {
  switch (field.id) {
    case HeaderId::host:
      noted.host = &field;
      break;
    case HeaderId::content_length:
      noted.length = &field;
      break;
    case HeaderId::transfer_encoding:
      noted.encoding = &field;
      break;
    case HeaderId::connection:
      noted.persistence = connection_option(field.value, noted.persistence);
      break;
    default:
      break;
  }
}

RequestError duplicate(const Header& field, const HeaderList& headers, Refusal& why) {
  why.field = field;
  why.previous = *headers.find(field.id);
  return field.id == HeaderId::host ? RequestError::duplicate_host
                                    : RequestError::duplicate_header_line;
}

RequestError check_host(RequestHead& head, const Header* field, Arena& arena) {
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

RequestError check_framing(RequestHead& head, const Noted& noted, Refusal& why) {
  if (noted.length) {
    head.content_length = parse_content_length(noted.length->value);
    if (!head.content_length) return RequestError::invalid_content_length;
  }
  if (!noted.encoding) return RequestError::none;
  if (head.version < Version::http11) return RequestError::encoding_in_http10;
  if (!iequals(noted.encoding->value, "chunked")) {
    why.text = noted.encoding->value;
    return RequestError::unknown_encoding;
  }
  if (noted.length) return RequestError::length_and_encoding;
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
  Noted fields;
  HeaderIds seen;
  for (const Header& field : head.headers) {
    if (unique.contains(field.id) && seen.contains(field.id)) {
      return duplicate(field, head.headers, why);
    }
    seen.add(field.id);
    note(field, fields);
  }

  RequestError error = check_host(head, fields.host, arena);
  if (error == RequestError::none) error = check_framing(head, fields, why);
  if (error == RequestError::none) error = check_method(head, allow_connect);
  head.keep_alive = fields.persistence == Persistence::unsaid
                        ? head.version >= Version::http11
                        : fields.persistence == Persistence::keep_alive;
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
