#pragma once

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "tls/record_keys.h"

namespace sluice::tls {

/// Looks on while OpenSSL shakes hands as a server, so that the connection's records can be our own
/// from then on: what secrets they have, how many went by under them. Secrets are cleansed when it
/// goes.
class HandshakeWatch {
 public:
  /// Lets connections of a context be watched.
  static void install(SSL_CTX* context);
  /// Of a connection that hasn't begun; null where its context doesn't allow it. The connection has
  /// to outlive it.
  static std::unique_ptr<HandshakeWatch> start(SSL* ssl);
  ~HandshakeWatch();
  HandshakeWatch(const HandshakeWatch&) = delete;
  HandshakeWatch& operator=(const HandshakeWatch&) = delete;

  /// What OpenSSL sends, in order.
  void on_written(std::span<const char> bytes);
  /// After the handshake: what protects the records that follow. Nothing where they have to stay
  /// OpenSSL's: their cipher is none of ours, or it has read further already.
  std::optional<RecordKeys::Both> keys() const;

 private:
  /// As many bytes as the longest has.
  struct Secret {
    std::array<uint8_t, SSL_MAX_MASTER_KEY_LENGTH> bytes;
    size_t size = 0;
    std::span<const uint8_t> get() const { return std::span(bytes).first(size); }
    void set(std::string_view hexadecimal);
  };

  explicit HandshakeWatch(SSL* ssl);
  static void on_secret(const SSL* ssl, const char* line);
  static void on_message(int sent, int version, int type, const void* bytes, size_t size, SSL* ssl,
                         void* self);
  std::optional<RecordKeys::Both> tls13_keys(const RecordSuite& suite) const;
  std::optional<RecordKeys::Both> tls12_keys(const RecordSuite& suite) const;

  SSL* ssl_;
  Secret client_;  ///< traffic secrets of TLS 1.3
  Secret server_;
  Secret master_;          ///< of TLS 1.2
  uint64_t received_ = 0;  ///< records since the keys in question came into use
  uint64_t sent_ = 0;
  /// What was sent last: TLS 1.2's Finished, from its explicit nonce on (RFC 5288, 3).
  std::array<char, 40> sent_last_{};
};

}  // namespace sluice::tls
