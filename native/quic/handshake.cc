#include "quic/handshake.h"

#include <openssl/ssl.h>

#include <algorithm>

#include "quic/packet_protection.h"
#include "quic/tls_callbacks.h"
#include "tls/key_schedule.h"

namespace sluice::quic {

/// What OpenSSL calls (SSL_set_quic_tls_cbs(3)): 1 is success.
struct HandshakeCallbacks {
  static Handshake& of(void* argument) { return *static_cast<Handshake*>(argument); }

  static int crypto_send(SSL*, const unsigned char* data, size_t size, size_t* consumed,
                         void* argument) {
    *consumed = size;
    return of(argument).send({data, size});
  }
  static int crypto_receive(SSL*, const unsigned char** data, size_t* size, void* argument) {
    std::span<const uint8_t> unread = of(argument).unread();
    *data = unread.data();
    *size = unread.size();
    return 1;
  }
  static int crypto_release(SSL*, size_t size, void* argument) {
    of(argument).release(size);
    return 1;
  }
  static int yield_secret(SSL*, uint32_t level, int direction, const unsigned char* secret,
                          size_t size, void* argument) {
    return of(argument).install(level, direction != 0, {secret, size});
  }
  static int got_transport_parameters(SSL*, const unsigned char* data, size_t size,
                                      void* argument) {
    ngtcp2_conn* connection = of(argument).connection_;
    int error = ngtcp2_conn_decode_remote_transport_params(connection, data, size);
    if (error != 0) ngtcp2_conn_set_tls_error(connection, error);
    return error == 0;
  }
  static int alert(SSL*, unsigned char code, void* argument) {
    ngtcp2_conn_set_tls_alert(of(argument).connection_, code);
    return 1;
  }
};

namespace {

ngtcp2_crypto_level as_level(uint32_t protection) {
  switch (protection) {
    case OSSL_RECORD_PROTECTION_LEVEL_EARLY:
      return NGTCP2_CRYPTO_LEVEL_EARLY;
    case OSSL_RECORD_PROTECTION_LEVEL_HANDSHAKE:
      return NGTCP2_CRYPTO_LEVEL_HANDSHAKE;
    case OSSL_RECORD_PROTECTION_LEVEL_APPLICATION:
      return NGTCP2_CRYPTO_LEVEL_APPLICATION;
    default:
      return NGTCP2_CRYPTO_LEVEL_INITIAL;
  }
}

}  // namespace

Handshake::Handshake(tls::SslPtr ssl, bool early_data) : ssl_(std::move(ssl)) {
  SSL_set_quic_tls_cbs(ssl_.get(), tls_callbacks<HandshakeCallbacks>(), this);
  SSL_set_quic_tls_early_data_enabled(ssl_.get(), early_data);
  // A client has one connection where TCP takes several: one ticket is what it will use.
  if (SSL_get_num_tickets(ssl_.get()) > 1) SSL_set_num_tickets(ssl_.get(), 1);
}

bool Handshake::send(std::span<const uint8_t> data) {
  return ngtcp2_conn_submit_crypto_data(connection_, write_level_, data.data(), data.size()) == 0;
}

std::span<const uint8_t> Handshake::unread() const { return std::span(received_).subspan(taken_); }

void Handshake::release(size_t size) {
  taken_ += size;
  if (taken_ < received_.size()) return;
  received_.clear();
  taken_ = 0;
}

int Handshake::receive(ngtcp2_crypto_level level, std::span<const uint8_t> data) {
  // A message of one level must not be mistaken for one of the next (RFC 9001, 4.1.3).
  if (level != read_level_) {
    if (level < read_level_ && unread().empty()) return 0;
    ngtcp2_conn_set_tls_error(connection_, NGTCP2_ERR_PROTO);
    return NGTCP2_ERR_CALLBACK_FAILURE;
  }
  if (!ssl_) {
    // No client has anything to say after its Finished (RFC 9001, 4.4 and 6).
    ngtcp2_conn_set_tls_alert(connection_, SSL_AD_UNEXPECTED_MESSAGE);
    return NGTCP2_ERR_CRYPTO;
  }
  received_.insert(received_.end(), data.begin(), data.end());
  return drive();
}

// With early data OpenSSL calls its handshake done as soon as it has sent its own Finished: what
// counts is SSL_is_init_finished().
int Handshake::drive() {
  if (!ssl_) return 0;
  ERR_clear_error();
  int result = SSL_do_handshake(ssl_.get());
  if (result <= 0) {
    int error = SSL_get_error(ssl_.get(), result);
    return error == SSL_ERROR_SSL || error == SSL_ERROR_SYSCALL ? fail("SSL_do_handshake") : 0;
  }
  if (!SSL_is_init_finished(ssl_.get())) return 0;
  ngtcp2_conn_handshake_completed(connection_);
  // What may come behind a handshake: nothing that a server expects, but TLS says so itself.
  unsigned char byte;
  size_t size = 0;
  if (SSL_read_ex(ssl_.get(), &byte, 1, &size)) return NGTCP2_ERR_CALLBACK_FAILURE;
  if (SSL_get_error(ssl_.get(), 0) == SSL_ERROR_SSL) return fail("SSL_read");
  finish();
  return 0;
}

void Handshake::finish() {
  tls::forget_recent_secrets();
  ngtcp2_conn_set_tls_native_handle(connection_, nullptr);
  // Else OpenSSL would take the session for broken and forget it: QUIC ends without close_notify.
  SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  ssl_.reset();
  received_ = {};
  transport_parameters_ = {};
}

int Handshake::fail(const char* call) {
  failure_ = std::string(call) + "() failed" + tls::take_errors();
  if (ngtcp2_conn_get_tls_alert(connection_) || ngtcp2_conn_get_tls_error(connection_)) {
    return ngtcp2_conn_get_tls_error(connection_) ? ngtcp2_conn_get_tls_error(connection_)
                                                  : NGTCP2_ERR_CRYPTO;
  }
  ngtcp2_conn_set_tls_alert(connection_, SSL_AD_INTERNAL_ERROR);
  return NGTCP2_ERR_CRYPTO;
}

bool Handshake::install(uint32_t protection, bool writing, std::span<const uint8_t> secret) {
  ngtcp2_crypto_level level = as_level(protection);
  const CipherSuite* suite = CipherSuite::agreed(ssl_.get(), level == NGTCP2_CRYPTO_LEVEL_EARLY);
  if (!suite) return false;
  if (writing) {
    if (!install_write(level, *suite, secret)) return false;
    write_level_ = level;
    return true;
  }
  if (!install_read(level, *suite, secret)) return false;
  if (level != NGTCP2_CRYPTO_LEVEL_EARLY) read_level_ = level;
  return true;
}

bool Handshake::install_read(uint32_t level, const CipherSuite& suite,
                             std::span<const uint8_t> secret) {
  ngtcp2_crypto_ctx context = suite.as_context();
  PacketKeys keys = PacketKeys::derive(suite, secret, false);
  int error = NGTCP2_ERR_INTERNAL;
  switch (level) {
    case NGTCP2_CRYPTO_LEVEL_EARLY:
      ngtcp2_conn_set_early_crypto_ctx(connection_, &context);
      error = ngtcp2_conn_install_early_key(connection_, &keys.aead, keys.iv.data(), keys.iv.size(),
                                            &keys.header);
      break;
    case NGTCP2_CRYPTO_LEVEL_HANDSHAKE:
      ngtcp2_conn_set_crypto_ctx(connection_, &context);
      error = ngtcp2_conn_install_rx_handshake_key(connection_, &keys.aead, keys.iv.data(),
                                                   keys.iv.size(), &keys.header);
      break;
    case NGTCP2_CRYPTO_LEVEL_APPLICATION:
      ngtcp2_conn_set_crypto_ctx(connection_, &context);
      error = ngtcp2_conn_install_rx_key(connection_, secret.data(), secret.size(), &keys.aead,
                                         keys.iv.data(), keys.iv.size(), &keys.header);
      break;
    default:
      break;
  }
  if (error != 0) keys.release();
  return error == 0;
}

bool Handshake::install_write(uint32_t level, const CipherSuite& suite,
                              std::span<const uint8_t> secret) {
  ngtcp2_crypto_ctx context = suite.as_context();
  ngtcp2_conn_set_crypto_ctx(connection_, &context);
  PacketKeys keys = PacketKeys::derive(suite, secret, true);
  int error = NGTCP2_ERR_INTERNAL;
  if (level == NGTCP2_CRYPTO_LEVEL_HANDSHAKE) {
    error = ngtcp2_conn_install_tx_handshake_key(connection_, &keys.aead, keys.iv.data(),
                                                 keys.iv.size(), &keys.header);
  } else if (level == NGTCP2_CRYPTO_LEVEL_APPLICATION) {
    error = ngtcp2_conn_install_tx_key(connection_, secret.data(), secret.size(), &keys.aead,
                                       keys.iv.data(), keys.iv.size(), &keys.header);
  }
  if (error != 0) {
    keys.release();
    return false;
  }
  // Not earlier: only now ngtcp2 knows all that a server has to say.
  return level != NGTCP2_CRYPTO_LEVEL_HANDSHAKE || set_transport_parameters();
}

bool Handshake::set_transport_parameters() {
  uint8_t buffer[512];
  ngtcp2_ssize size = ngtcp2_conn_encode_local_transport_params(connection_, buffer, sizeof buffer);
  if (size < 0) return false;
  transport_parameters_.assign(buffer, buffer + size);
  return SSL_set_quic_tls_transport_params(ssl_.get(), transport_parameters_.data(),
                                           transport_parameters_.size());
}

int Handshake::update_keys(ngtcp2_conn* connection, uint8_t* rx_secret, uint8_t* tx_secret,
                           ngtcp2_crypto_aead_ctx* rx_aead, uint8_t* rx_iv,
                           ngtcp2_crypto_aead_ctx* tx_aead, uint8_t* tx_iv,
                           const uint8_t* current_rx_secret, const uint8_t* current_tx_secret,
                           size_t secret_size, void*) {
  const ngtcp2_crypto_ctx* context = ngtcp2_conn_get_crypto_ctx(connection);
  const auto& suite = *static_cast<const CipherSuite*>(context->aead.native_handle);
  update_secret(suite, {current_rx_secret, secret_size}, {rx_secret, secret_size});
  update_secret(suite, {current_tx_secret, secret_size}, {tx_secret, secret_size});
  derive_updated(suite, {rx_secret, secret_size}, false, *rx_aead, rx_iv);
  derive_updated(suite, {tx_secret, secret_size}, true, *tx_aead, tx_iv);
  return 0;
}

}  // namespace sluice::quic
