#pragma once

#include <cstdint>

namespace sluice::h3 {

/// An application's error codes among HTTP/3's, which leave out those that are reserved
/// (draft-ietf-webtrans-http3, 4.3).
constexpr uint64_t first_application_error = 0x52e4a40fa8db;
constexpr uint64_t last_application_error = 0x52e5ac983162;

constexpr uint64_t http_error(uint32_t application) {
  return first_application_error + application + application / 0x1e;
}

/// 0 for what is none of an application's.
constexpr uint32_t application_error(uint64_t http) {
  if (http < first_application_error || http > last_application_error) return 0;
  if ((http - 0x21) % 0x1f == 0) return 0;
  uint64_t shifted = http - first_application_error;
  return uint32_t(shifted - shifted / 0x1f);
}

static_assert(application_error(http_error(0)) == 0 && application_error(http_error(29)) == 29);
static_assert(application_error(http_error(30)) == 30);
static_assert(http_error(UINT32_MAX) == last_application_error);
static_assert(application_error(last_application_error) == UINT32_MAX);

}  // namespace sluice::h3
