#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "net/address.h"
#include "quic/connection_id.h"

namespace sluice::quic {

/// What a client's address-validation token says (RFC 9000, 8.1).
struct TokenVerdict {
  enum class Kind : uint8_t {
    none,       ///< no token, or an old one: the address isn't validated
    validated,  ///< of a NEW_TOKEN frame
    retried,    ///< of our Retry packet
    forged,     ///< claims to be of a Retry packet, and isn't: INVALID_TOKEN
  };
  Kind kind = Kind::none;
  ConnectionId original;  ///< retried: where the client's first packet was sent to
};

/// What is derived from a host's key (`quic_host_key`): tokens and stateless resets. Hosts, workers
/// and generations that have the same key understand each other.
class HostKeys {
 public:
  explicit HostKeys(std::string_view key);

  /// From now on tokens and resets are made with this key. Tokens of the one before, and of the
  /// first, are still good.
  void prefer(std::string_view key);

  /// The token of a Retry packet: good for the address, port and connection ID, for some seconds.
  std::vector<uint8_t> retry_token(const net::Address& remote, const ConnectionId& original,
                                   const ConnectionId& retry_id, int64_t now_s) const;
  /// The token of a NEW_TOKEN frame: good for the address, for some minutes.
  std::vector<uint8_t> new_token(const net::Address& remote, int64_t now_s) const;
  TokenVerdict check_token(std::span<const uint8_t> token, const net::Address& remote,
                           const ConnectionId& destination, int64_t now_s) const;

  /// RFC 9000, 10.3.2.
  std::array<uint8_t, 16> reset_token(const ConnectionId& id) const;

 private:
  using Key = std::array<uint8_t, 32>;
  struct Keys {
    explicit Keys(std::string_view key);
    bool operator==(const Keys&) const = default;
    Key token;
    Key reset;
  };
  std::vector<uint8_t> seal(uint8_t kind, std::span<const uint8_t> content,
                            std::span<const uint8_t> associated) const;
  std::optional<std::vector<uint8_t>> open(std::span<const uint8_t> token,
                                           std::span<const uint8_t> associated) const;

  const Keys& in_force() const { return keys_.front(); }

  std::vector<Keys> keys_;  ///< the one in force; the one before; the first
};

}  // namespace sluice::quic
