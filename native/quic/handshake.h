#pragma once

#include <ngtcp2/ngtcp2.h>
#include <openssl/core_dispatch.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tls/openssl.h"

namespace sluice::quic {

/// TLS as QUIC uses it (RFC 9001, 4): OpenSSL's messages travel in CRYPTO frames, its secrets
/// become packet keys, and transport parameters are an extension.
class Handshake {
 public:
  /// `ssl` begins here; `early_data`: its 0-RTT is welcome. ngtcp2's connection comes with
  /// attach(), before anything is received.
  Handshake(tls::SslPtr ssl, bool early_data);
  void attach(ngtcp2_conn* connection) { connection_ = connection; }

  /// Null once the handshake is complete: nothing of TLS is needed any more.
  SSL* ssl() const { return ssl_.get(); }

  /// CRYPTO data of a level has come; as ngtcp2's callback: 0, or an error.
  int receive(ngtcp2_crypto_level level, std::span<const uint8_t> data);
  /// Goes on with a handshake that a callback of OpenSSL has paused.
  int drive();
  /// Why it failed, in OpenSSL's words: `SSL_do_handshake() failed (SSL: error:…)`.
  const std::string& failure() const { return failure_; }

  /// As ngtcp2's callback.
  static int update_keys(ngtcp2_conn*, uint8_t* rx_secret, uint8_t* tx_secret,
                         ngtcp2_crypto_aead_ctx* rx_aead, uint8_t* rx_iv,
                         ngtcp2_crypto_aead_ctx* tx_aead, uint8_t* tx_iv,
                         const uint8_t* current_rx_secret, const uint8_t* current_tx_secret,
                         size_t secret_size, void*);

 private:
  friend struct HandshakeCallbacks;
  bool send(std::span<const uint8_t> data);
  std::span<const uint8_t> unread() const;
  void release(size_t size);
  bool install(uint32_t level, bool writing, std::span<const uint8_t> secret);
  bool install_read(uint32_t level, const struct CipherSuite& suite,
                    std::span<const uint8_t> secret);
  bool install_write(uint32_t level, const struct CipherSuite& suite,
                     std::span<const uint8_t> secret);
  bool set_transport_parameters();
  void finish();
  int fail(const char* call);

  tls::SslPtr ssl_;
  ngtcp2_conn* connection_ = nullptr;
  std::vector<uint8_t> received_;
  size_t taken_ = 0;                                ///< bytes of it that TLS is done with
  std::vector<uint8_t> transport_parameters_ = {};  ///< OpenSSL keeps a pointer
  std::string failure_;
  ngtcp2_crypto_level read_level_ = NGTCP2_CRYPTO_LEVEL_INITIAL;
  ngtcp2_crypto_level write_level_ = NGTCP2_CRYPTO_LEVEL_INITIAL;
};

}  // namespace sluice::quic
