#pragma once

#include <cstdint>
#include <string_view>

#include "base/arena.h"
#include "http/message.h"

namespace sluice::http {

/// Why a request head is refused.
enum class RequestError : uint8_t {
  none,
  invalid_method,
  invalid_request,
  invalid_version,
  invalid_http09_method,
  uri_too_long,
  invalid_header_line,
  header_line_too_long,
  head_too_large,
  too_many_header_lines,
  duplicate_header_line,
  duplicate_host,
  invalid_host,
  invalid_host_in_request_line,
  missing_host,
  invalid_content_length,
  encoding_in_http10,
  length_and_encoding,
  unknown_encoding,
  connect_refused,
  connect_with_body,
  trace_refused,
  // Of HTTP/2 and HTTP/3 (http/field_section.h).
  invalid_field_name,
  invalid_field_value,
  connection_field,
  unknown_pseudo_header,
  misplaced_pseudo_header,
  duplicate_pseudo_header,
  invalid_pseudo_header,
  missing_pseudo_header,
  missing_authority,
  other_authority,
};

/// What a refused request is answered and logged with.
struct Refusal {
  RequestError error = RequestError::none;
  std::string_view text{};  ///< the bytes at fault, where the log shows them
  unsigned char octet = 0;  ///< the byte that makes a header line invalid
  Header field{};           ///< the repeated field, and the one before it
  Header previous{};

  /// The status: 400, 405, 414, 494 (sent to clients as 400), 501 or 505.
  uint16_t status() const;
  /// nginx's words for the error log (level info), in the arena where they quote the request.
  std::string_view message(Arena& arena) const;
};

}  // namespace sluice::http
