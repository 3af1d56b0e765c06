#pragma once

#include <cstddef>
#include <string_view>

#include "http/message.h"
#include "http/request_error.h"

namespace sluice::h1 {

/// Parses a request line, with its line end, into `head` (RFC 9112 section 3). `rest` is where the
/// next line begins. On an error `head.line` at least is set, for the access log.
http::RequestError parse_request_line(std::string_view bytes, http::RequestHead& head,
                                      size_t& rest);

/// Upper case letters, `_` and `-`: what nginx takes in a method.
bool is_method_octet(char c);

}  // namespace sluice::h1
