#pragma once

#include <cstdint>
#include <string_view>

namespace sluice::http {

/// The reason phrase that nginx sends with a status (`302` is "Moved Temporarily"); empty for those
/// it has none for.
std::string_view reason_phrase(uint16_t status);

/// True for 100, 103 and the like: another head follows (RFC 9110 section 15.2). 101 is final.
constexpr bool is_interim(uint16_t status) {
  return status >= 100 && status < 200 && status != 101;
}

/// True where a message with this status never has a body (RFC 9110 section 6.4.1).
constexpr bool is_bodiless(uint16_t status) {
  return status < 200 || status == 204 || status == 304;
}

}  // namespace sluice::http
