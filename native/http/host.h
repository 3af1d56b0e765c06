#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/arena.h"

namespace sluice::http {

struct Host {
  std::string_view
      name;  ///< lower case, without port and final dot; an IPv6 literal keeps its brackets
  uint16_t port = 0;  ///< 0: none given
};

/// Checks and takes apart `host[:port]` (RFC 3986 section 3.2.2) as nginx does; nothing when it is
/// invalid or empty. The name is copied to the arena only where it has upper case letters.
std::optional<Host> parse_host(std::string_view text, Arena& arena);

}  // namespace sluice::http
