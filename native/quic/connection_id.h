#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "quic/half_sip_hash.h"
#include "quic/server_id_cipher.h"

namespace sluice::quic {

/// RFC 9000, 5.1: up to 20 bytes.
struct ConnectionId {
  static constexpr size_t max_size = 20;

  ConnectionId() = default;
  explicit ConnectionId(std::span<const uint8_t> from) : size(uint8_t(from.size())) {
    std::ranges::copy(from, bytes.begin());
  }
  std::span<const uint8_t> view() const { return {bytes.data(), size}; }
  bool operator==(const ConnectionId& other) const {
    return std::ranges::equal(view(), other.view());
  }

  std::array<uint8_t, max_size> bytes{};
  uint8_t size = 0;
};

/// Clients choose connection IDs too: nobody outside can tell which ones collide.
struct ConnectionIdHash {
  size_t operator()(const ConnectionId& id) const;
};

/// How our connection IDs look, so that whoever sees a packet knows whose it is. The Plan says it
/// (src/quic/routing-plan.ts).
///
///     first octet   3 bits configuration rotation, 5 bits the number of bytes that follow
///     server ID     1 to 8 bytes: the host (quic_host_id); none without
///     nonce         random; with a key, server ID and nonce are encrypted
///     process       12 bits worker, 12 bits generation, under a mask
///
/// First octet, server ID and nonce are what draft-ietf-quic-load-balancers, 5 asks for: a load
/// balancer that knows the draft needs the lengths and the key. The process is the draft's "server
/// use" bytes: the host's own affair, and readable to its kernel, where no AES is to be had. The
/// mask is a keyed hash of the eight bytes before (7.2 of the draft, "Server Process
/// Demultiplexing"), so that no two connection IDs look related.
class ConnectionIdScheme {
 public:
  /// No load balancer knows us (3.2 of the draft).
  static constexpr uint8_t unroutable = 7;
  static constexpr size_t process_size = 3;
  static constexpr size_t hashed_size = 8;
  static constexpr unsigned owner_bits = 12;
  static constexpr uint32_t most_owners = 1 << owner_bits;

  /// What one value of the rotation bits stands for.
  struct Configuration {
    uint8_t rotation = unroutable;
    std::string host_id;      ///< up to 8 bytes
    uint8_t nonce_size = 16;  ///< with the host ID 9 to 16 bytes; 8 and more
    std::string key;          ///< 16 bytes, or empty: plain

    size_t text_size() const { return host_id.size() + nonce_size; }
    /// Of a whole connection ID.
    size_t size() const { return 1 + text_size() + process_size; }
    uint8_t first_octet() const { return uint8_t(rotation << 5 | (size() - 1)); }
  };
  struct Settings {
    /// Connection IDs are made by the first one, and understood by all. The one for hosts that no
    /// load balancer knows is always among them: the host may have been one until lately.
    std::vector<Configuration> configurations;
    HalfSipKey process_key;
  };
  /// The process that a connection lives in.
  struct Owner {
    uint16_t worker = 0;
    uint16_t generation = 0;
    bool operator==(const Owner&) const = default;
    uint32_t number() const { return uint32_t{worker} << owner_bits | generation; }
  };
  /// Whom a connection ID names.
  struct Place {
    std::string host_id;
    bool here = false;  ///< that is this host
    Owner owner;        ///< meant by the host that has made it
  };

  ConnectionIdScheme(Settings settings, Owner self, BlockCipherMaker cipher = aes_128);

  const Owner& self() const { return self_; }
  const Settings& settings() const { return settings_; }
  /// How long the connection ID is that a packet with a short header begins with behind its first
  /// byte (RFC 9000, 17.3).
  size_t size_in(std::span<const uint8_t> packet) const;
  /// A new one that names this process.
  ConnectionId make() const;
  /// Whom a packet's connection ID names; nothing when it can't be one of ours.
  std::optional<Place> locate(std::span<const uint8_t> id) const;

 private:
  std::optional<size_t> configuration_of(uint8_t first_octet) const;
  uint32_t mask(std::span<const uint8_t> id) const;

  Settings settings_;
  std::vector<std::optional<ServerIdCipher>> ciphers_;  ///< as the configurations; none: plain
  Owner self_;
};

}  // namespace sluice::quic
