#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "modules/http_headers.h"

namespace sluice {

HeadersConf::Expires::Kind expires_kind(std::string_view name);

/// Reads a computed `expires`: `epoch`, `max`, `off`, `@15h30m`, `[-]1h`. `kind` is the configured
/// one: behind `modified` only a time may stand. Nothing: it isn't one of these.
std::optional<HeadersConf::Expires> parse_expires(std::string_view text,
                                                  HeadersConf::Expires::Kind kind);

/// nginx's time in seconds: `1h 30m`, `1y`, `90`, largest unit first.
std::optional<int64_t> parse_seconds(std::string_view text);

/// The next time after `now` that the local clock shows `since_midnight` seconds.
int64_t next_local_time(int64_t since_midnight, int64_t now);

}  // namespace sluice
