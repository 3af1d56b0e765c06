#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "tls/key_schedule.h"
#include "tls/openssl.h"

namespace sluice::tls {

/// A cipher suite whose records are our own: those with an AEAD cipher whose nonces have 12 bytes
/// and whose tags have 16 (RFC 8446, B.4; RFC 5288; RFC 7905).
struct RecordSuite {
  const EVP_CIPHER* aead;
  const EVP_MD* digest;
  uint8_t key_size;
  bool chacha;

  static constexpr size_t nonce_size = 12;
  static constexpr size_t tag_size = 16;

  bool fits(const KeyScheduleNotes::Traffic& traffic) const;
  /// What a connection has agreed on; null when it is none of these.
  static const RecordSuite* agreed(const SSL* ssl);
};

using Nonce = std::array<uint8_t, RecordSuite::nonce_size>;

/// What protects the records of one direction, from one key update to the next. Cleansed when it
/// goes.
struct RecordKeys {
  const RecordSuite* suite;
  uint16_t version;       ///< TLS1_2_VERSION or TLS1_3_VERSION
  uint64_t sequence = 0;  ///< of the next record
  std::array<uint8_t, 32> key{};
  /// What the sequence number becomes a nonce with. Of AES in TLS 1.2: four bytes that are secret,
  /// and the explicit part of record 0, from which it counts on.
  Nonce iv{};
  std::array<uint8_t, 48> secret{};  ///< TLS 1.3: what the next keys come from

  /// TLS 1.3, from what a handshake has derived (RFC 8446, 7.3); it has to fit the suite.
  static RecordKeys from_traffic(const RecordSuite& suite,
                                 const KeyScheduleNotes::Traffic& traffic);
  /// TLS 1.2, both directions (RFC 5246, 6.3).
  struct Both;
  static Both from_master_secret(const RecordSuite& suite, std::span<const uint8_t> master,
                                 std::span<const uint8_t> client_random,
                                 std::span<const uint8_t> server_random);

  RecordKeys(const RecordSuite& suite, uint16_t version) : suite(&suite), version(version) {}
  ~RecordKeys();

  /// The next generation (RFC 8446, 7.2), whose records count from 0.
  void update();

  bool is_tls13() const { return version == TLS1_3_VERSION; }
  /// Part of the nonce is in the record (RFC 5288, 3).
  bool has_explicit_nonce() const { return !is_tls13() && !suite->chacha; }
  /// Of the next record.
  Nonce nonce() const;
};

struct RecordKeys::Both {
  RecordKeys client;
  RecordKeys server;
};

}  // namespace sluice::tls
