#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "http/message.h"

namespace sluice::http {

/// Content-Length's value: digits only, at most 2^63 - 1 (RFC 9110 section 8.6).
std::optional<uint64_t> parse_content_length(std::string_view value);

/// True when a comma-separated list has this token, in any case (RFC 9110 section 5.6.1).
bool has_token(std::string_view list, std::string_view token);

/// What the Connection fields of a message ask for (RFC 9112 section 9.3); `close` prevails.
enum class Persistence : uint8_t { unsaid, close, keep_alive };
Persistence connection_option(std::string_view value, Persistence so_far);

}  // namespace sluice::http
