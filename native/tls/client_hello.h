#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

/// Parts of a ClientHello that are read before OpenSSL does: as hostile as anything that comes from
/// outside.
namespace sluice::tls::client_hello {

using Bytes = std::span<const unsigned char>;

/// The one host name of a server_name extension (RFC 6066, 3); nothing when that isn't what it is.
std::optional<std::string_view> host_name(Bytes extension);
std::string lower_case(const char* name);  ///< null: empty
/// Whether supported_versions has TLS 1.3 (RFC 8446, 4.2.1).
bool offers_tls13(Bytes extension);

/// The first identity of pre_shared_key and its binder (RFC 8446, 4.2.11).
struct Psk {
  Bytes identity;
  Bytes binder;
};
std::optional<Psk> first_psk(Bytes extension);

}  // namespace sluice::tls::client_hello
