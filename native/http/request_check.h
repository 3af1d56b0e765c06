#pragma once

#include "http/request_error.h"

namespace sluice::http {

/// Derives a request's framing and connection from its fields (content_length, chunked, keep_alive,
/// host) and refuses what contradicts itself (RFC 9112 section 6.3, RFC 9110 section 7.2). The same
/// for all HTTP versions. CONNECT is refused unless `allow_connect`.
RequestError check_request(RequestHead& head, bool allow_connect, Arena& arena, Refusal& why);

}  // namespace sluice::http
