#pragma once

#include <string_view>
#include <vector>

#include "http/message.h"

namespace sluice {
class Exchange;
}

namespace sluice::http {

/// A response's head as HTTP/2 and HTTP/3 carry it: `:status` first, names in lower case, nothing
/// that belongs to a connection (RFC 9113 section 8.2.2, RFC 9114 section 4.2). Texts live as long
/// as the exchange.
struct SectionField {
  std::string_view name;
  std::string_view value;
};
using Section = std::vector<SectionField>;

/// Appends the head of `exchange.response`, fields in nginx's order. With `extended_connect` a 101
/// becomes the 200 that opens a tunnel (RFC 8441 section 5).
void append_response_head(Exchange& exchange, bool extended_connect, Section& to);
/// Appends a 1xx head.
void append_interim_head(uint16_t status, const HeaderList& headers, Arena& arena, Section& to);
/// Appends a trailer section; empty when no field of it may be sent.
void append_trailers(const HeaderList& trailers, Arena& arena, Section& to);

}  // namespace sluice::http
