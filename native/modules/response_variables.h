#pragma once

#include <cstdint>

#include "proxy/variable.h"

/// Variables about the response: what is to be sent, and what has been.
namespace sluice::variables {

Value status(Exchange& exchange, std::uintptr_t);
Value bytes_sent(Exchange& exchange, std::uintptr_t);
Value body_bytes_sent(Exchange& exchange, std::uintptr_t);
Value request_completion(Exchange& exchange, std::uintptr_t);

Value limit_rate(Exchange& exchange, std::uintptr_t);
void set_limit_rate(Exchange& exchange, std::string_view value, std::uintptr_t);

// Fields that the codec makes, or that have a member of their own in the response's head.
Value sent_content_type(Exchange& exchange, std::uintptr_t);
Value sent_content_length(Exchange& exchange, std::uintptr_t);
Value sent_last_modified(Exchange& exchange, std::uintptr_t);
Value sent_connection(Exchange& exchange, std::uintptr_t);
Value sent_keep_alive(Exchange& exchange, std::uintptr_t);
Value sent_transfer_encoding(Exchange& exchange, std::uintptr_t);

}  // namespace sluice::variables
