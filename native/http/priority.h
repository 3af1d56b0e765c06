#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice::http {

/// How urgent a response is (RFC 9218 section 4).
struct Priority {
  uint8_t urgency = 3;       ///< 0 (first) to 7 (background)
  bool incremental = false;  ///< of use piece by piece: shares with others of its urgency
  bool operator==(const Priority&) const = default;
};

/// The value of a Priority field or a PRIORITY_UPDATE frame, a dictionary of structured fields (RFC
/// 8941 section 3.2): what it says put over `base`, parameters out of range ignored. Nothing when
/// it is no dictionary.
std::optional<Priority> parse_priority(std::string_view value, Priority base = {});

}  // namespace sluice::http
