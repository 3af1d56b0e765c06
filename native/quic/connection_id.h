#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

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

/// How our connection IDs look, so that whoever sees a packet knows whose it is
/// (draft-ietf-quic-load-balancers; the other half is src/quic/connection-id.ts):
///
///     first octet   3 bits configuration rotation (7: no load balancer knows us), 5 bits length
///     host id       0 to 8 bytes, the draft's server ID
///     nonce         random bytes, and in the last four: worker (2), generation (2)
///
/// What follows the first octet is 16 bytes; with a key it is one block of AES-128.
class ConnectionIdScheme {
 public:
  static constexpr size_t size = 17;
  static constexpr uint8_t no_rotation = 7;
  static constexpr size_t max_host_id = 8;

  struct Settings {
    uint8_t rotation = no_rotation;
    std::string host_id;  ///< up to max_host_id bytes
    std::string key;      ///< 16 bytes, or empty: plain
  };
  /// The process that a connection lives in.
  struct Owner {
    uint16_t worker = 0;
    uint16_t generation = 0;
    bool operator==(const Owner&) const = default;
  };
  struct Meaning {
    std::string_view host_id;  ///< in the caller's buffer
    Owner owner;
  };

  ConnectionIdScheme(const Settings& settings, Owner self);
  ~ConnectionIdScheme();

  const Owner& self() const { return self_; }
  const std::string& host_id() const { return settings_.host_id; }
  bool encrypted() const { return cipher_ != nullptr; }
  uint8_t first_octet() const { return uint8_t(settings_.rotation << 5 | (size - 1)); }
  /// A new one that names this process.
  ConnectionId make() const;
  /// Whom a connection ID of a client's packet names; nothing when it can't be one of ours.
  std::optional<Owner> owner(std::span<const uint8_t> id) const;
  /// As owner(), of any host that shares the key and the length of the host id.
  bool read(std::span<const uint8_t> id, std::array<uint8_t, 16>& plain, Meaning& meaning) const;

 private:
  struct Cipher;
  Settings settings_;
  Owner self_;
  std::unique_ptr<Cipher> cipher_;
};

}  // namespace sluice::quic
