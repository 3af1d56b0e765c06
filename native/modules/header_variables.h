#pragma once

#include <cstdint>

#include "http/message.h"
#include "proxy/variable.h"

/// Variables that show fields: `$http_…`, `$sent_http_…`, `$sent_trailer_…`, `$cookie_…`.
/// Several fields of one name become one value, joined by `, `.
namespace sluice::variables {

/// The request's fields of an id (http::HeaderId), joined by `, `; of cookies by `; `.
Value known_header(Exchange& exchange, std::uintptr_t id);
/// The response's fields of an id.
Value known_sent_header(Exchange& exchange, std::uintptr_t id);

/// Fields of any list, by the name behind a prefix.
Value by_name(Exchange& exchange, const http::HeaderList& fields, std::uintptr_t name);

// By the name behind the prefix (`const std::string_view*`), in lower case, with `_` for `-`.
Value header(Exchange& exchange, std::uintptr_t name);
Value sent_header(Exchange& exchange, std::uintptr_t name);
Value sent_trailer(Exchange& exchange, std::uintptr_t name);
Value cookie(Exchange& exchange, std::uintptr_t name);

}  // namespace sluice::variables
