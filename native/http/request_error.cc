#include "http/request_error.h"

#include "http/join.h"

namespace sluice::http {

uint16_t Refusal::status() const {
  switch (error) {
    case RequestError::uri_too_long:
      return 414;
    case RequestError::header_line_too_long:
    case RequestError::head_too_large:
    case RequestError::too_many_header_lines:
      return 494;
    case RequestError::invalid_version:
      return 505;
    case RequestError::unknown_encoding:
      return 501;
    case RequestError::connect_refused:
    case RequestError::trace_refused:
      return 405;
    default:
      return 400;
  }
}

std::string_view Refusal::message(Arena& arena) const {
  switch (error) {
    case RequestError::none:
      return {};
    case RequestError::invalid_method:
      return "client sent invalid method";
    case RequestError::invalid_request:
      return "client sent invalid request";
    case RequestError::invalid_version:
      return "client sent invalid version";
    case RequestError::invalid_http09_method:
      return "client sent invalid method in HTTP/0.9 request";
    case RequestError::uri_too_long:
      return "client sent too long URI";
    case RequestError::invalid_header_line:
      return join(arena, {"client sent invalid header line: \"", text, "\\x",
                          HexOctet(octet).view(), "...\""});
    case RequestError::header_line_too_long:
      return join(arena, {"client sent too long header line: \"", text, "...\""});
    case RequestError::head_too_large:
      return "client sent too large request";
    case RequestError::too_many_header_lines:
      return "client sent too many header lines";
    case RequestError::duplicate_header_line:
      return join(arena, {"client sent duplicate header line: \"", field.name, ": ", field.value,
                          "\", previous value: \"", previous.name, ": ", previous.value, "\""});
    case RequestError::duplicate_host:
      return join(arena, {"client sent duplicate host header: \"", field.name, ": ", field.value,
                          "\", previous value: \"", previous.name, ": ", previous.value, "\""});
    case RequestError::invalid_host:
      return "client sent invalid host header";
    case RequestError::invalid_host_in_request_line:
      return "client sent invalid host in request line";
    case RequestError::missing_host:
      return "client sent HTTP/1.1 request without \"Host\" header";
    case RequestError::invalid_content_length:
      return "client sent invalid \"Content-Length\" header";
    case RequestError::encoding_in_http10:
      return "client sent HTTP/1.0 request with \"Transfer-Encoding\" header";
    case RequestError::length_and_encoding:
      return "client sent \"Content-Length\" and \"Transfer-Encoding\" headers at the same time";
    case RequestError::unknown_encoding:
      return join(arena, {"client sent unknown \"Transfer-Encoding\": \"", text, "\""});
    case RequestError::connect_refused:
      return "client sent CONNECT method";
    case RequestError::connect_with_body:
      return "client sent CONNECT request with body";
    case RequestError::trace_refused:
      return "client sent TRACE method";
    case RequestError::invalid_field_name:
      return join(arena, {"client sent invalid header name: \"", field.name, "\""});
    case RequestError::invalid_field_value:
      return join(arena, {"client sent header \"", field.name, "\" with invalid value: \"",
                          field.value, "\""});
    case RequestError::connection_field:
      return join(arena, {"client sent connection-specific header: \"", field.name, ": ",
                          field.value, "\""});
    case RequestError::unknown_pseudo_header:
      return join(arena, {"client sent unknown pseudo-header \"", field.name, "\""});
    case RequestError::misplaced_pseudo_header:
      return "client sent out-of-order pseudo-headers";
    case RequestError::duplicate_pseudo_header:
      return join(arena, {"client sent duplicate ", field.name, " header"});
    case RequestError::invalid_pseudo_header:
      return join(arena, {"client sent invalid ", field.name, " header: \"", field.value, "\""});
    case RequestError::missing_pseudo_header:
      return join(arena, {"client sent no ", field.name, " header"});
    case RequestError::missing_authority:
      return "client sent neither \":authority\" nor \"Host\" header";
    case RequestError::other_authority:
      return "client sent \":authority\" and \"Host\" headers with different values";
  }
  return {};
}

}  // namespace sluice::http
