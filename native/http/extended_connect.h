#pragma once

#include <string_view>

#include "http/message.h"

namespace sluice::http {

/// Extended CONNECT (RFC 8441, RFC 9220) as HTTP/1.1 would have asked for the same: a GET with
/// Upgrade and Connection, for WebSocket with a Sec-WebSocket-Key of our own (RFC 6455 section
/// 4.1).
void become_upgrade(RequestHead& request, std::string_view protocol, Arena& arena);

}  // namespace sluice::http
