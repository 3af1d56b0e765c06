#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "http/message.h"

namespace sluice::h1 {

struct StatusLine {
  http::Version version = http::Version::http10;
  uint16_t status = 0;
  std::string_view reason;  ///< may be empty
  size_t size = 0;          ///< bytes, with the line end
};

/// Parses the status line that `bytes` begins with (RFC 9112 section 4), as leniently as nginx: the
/// reason, even the space before it, may be missing, and IIS's `403.1` is 403.
bool parse_status_line(std::string_view bytes, StatusLine& line);

/// False as soon as the first bytes can't be a status line's.
bool may_begin_status_line(std::string_view bytes);

}  // namespace sluice::h1
