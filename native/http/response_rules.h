#pragma once

#include "http/message.h"

namespace sluice::http {

/// Takes out what a response's status rules out, as nginx does before it sends the head by any HTTP
/// version: Last-Modified but of 200, 206 and 304; type, length and chunking of 204 (RFC 9110
/// section 8.6).
void apply_status_rules(ResponseHead& head);

}  // namespace sluice::http
