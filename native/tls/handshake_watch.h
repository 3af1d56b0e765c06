#pragma once

#include <array>
#include <memory>
#include <optional>
#include <span>

#include "tls/key_schedule.h"
#include "tls/record_keys.h"

namespace sluice::tls {

/// Looks on while OpenSSL shakes hands as a server, so that the connection's records can be our own
/// from then on: what secrets they have, how many went by under them. Secrets are cleansed when it
/// goes.
class HandshakeWatch {
 public:
  /// Of a connection that hasn't begun, and outlives it.
  explicit HandshakeWatch(SSL* ssl);
  ~HandshakeWatch();
  HandshakeWatch(const HandshakeWatch&) = delete;
  HandshakeWatch& operator=(const HandshakeWatch&) = delete;

  /// Where OpenSSL's derivations are to be noted in, whenever it goes on with the handshake.
  KeyScheduleNotes& notes() { return notes_; }
  /// What OpenSSL sends, in order.
  void on_written(std::span<const char> bytes);
  /// After the handshake: what protects the records that follow. Nothing where they have to stay
  /// OpenSSL's: their cipher is none of ours, or it has read further already.
  std::optional<RecordKeys::Both> keys() const;

 private:
  static void on_message(int sent, int version, int type, const void* bytes, size_t size, SSL* ssl,
                         void* self);
  std::optional<RecordKeys::Both> tls13_keys(const RecordSuite& suite) const;
  std::optional<RecordKeys::Both> tls12_keys(const RecordSuite& suite) const;

  SSL* ssl_;
  KeyScheduleNotes notes_;
  uint64_t received_ = 0;  ///< records since the keys in question came into use
  uint64_t sent_ = 0;
  /// What was sent last: TLS 1.2's Finished, from its explicit nonce on (RFC 5288, 3).
  std::array<char, 40> sent_last_{};
};

}  // namespace sluice::tls
