#pragma once

#include <string_view>

#include "base/arena.h"
#include "http/message.h"

/// Names of fields in HTTP/2 and HTTP/3.
namespace sluice::http {

/// Belongs to a connection of HTTP/1, and must not be sent (RFC 9113 section 8.2.2, RFC 9114
/// section 4.2).
bool is_connection_specific(HeaderId id, std::string_view value);
/// In lower case, as they have to be; `name` itself when it is.
std::string_view lower_name(std::string_view name, Arena& arena);

}  // namespace sluice::http
