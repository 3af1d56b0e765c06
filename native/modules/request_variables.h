#pragma once

#include <cstdint>

#include "proxy/variable.h"

/// Variables about what the client asked for, and where that led.
namespace sluice::variables {

// The request line and its parts.
Value request_line(Exchange& exchange, std::uintptr_t);
Value request_method(Exchange& exchange, std::uintptr_t);
Value request_uri(Exchange& exchange, std::uintptr_t);
Value server_protocol(Exchange& exchange, std::uintptr_t);
Value host(Exchange& exchange, std::uintptr_t);
Value request_port(Exchange& exchange, std::uintptr_t);
Value is_request_port(Exchange& exchange, std::uintptr_t);
Value remote_user(Exchange& exchange, std::uintptr_t);

// The URI as it stands after rewrites.
Value uri(Exchange& exchange, std::uintptr_t);
Value args(Exchange& exchange, std::uintptr_t);
void set_args(Exchange& exchange, std::string_view value, std::uintptr_t);
Value is_args(Exchange& exchange, std::uintptr_t);
/// An argument by its name (`const std::string_view*`), as it came.
Value argument(Exchange& exchange, std::uintptr_t name);

// The body.
Value content_length(Exchange& exchange, std::uintptr_t);
Value request_body(Exchange& exchange, std::uintptr_t);
Value request_body_file(Exchange& exchange, std::uintptr_t);

// Files.
Value root(Exchange& exchange, std::uintptr_t);
Value real_root(Exchange& exchange, std::uintptr_t);
Value request_filename(Exchange& exchange, std::uintptr_t);

// The request as such.
Value request_id(Exchange& exchange, std::uintptr_t);
Value request_length(Exchange& exchange, std::uintptr_t);
Value request_time(Exchange& exchange, std::uintptr_t);

}  // namespace sluice::variables
