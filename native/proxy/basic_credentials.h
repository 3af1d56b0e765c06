#pragma once

#include <optional>
#include <string_view>

namespace sluice {

class Exchange;

struct BasicCredentials {
  std::string_view user;  ///< never empty
  std::string_view password;
};

/// What an `Authorization: Basic` field says (RFC 7617, 2); nothing when there is none, or it makes
/// no sense.
std::optional<BasicCredentials> basic_credentials(Exchange& exchange);

}  // namespace sluice
