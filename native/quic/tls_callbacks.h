#pragma once

#include <openssl/core_dispatch.h>

namespace sluice::quic {

/// What SSL_set_quic_tls_cbs(3) wants, of a struct that has the functions by these names.
template <typename Callbacks>
const OSSL_DISPATCH* tls_callbacks() {
  constexpr auto erased = [](auto* function) { return reinterpret_cast<void (*)()>(function); };
  static const OSSL_DISPATCH callbacks[] = {
      {OSSL_FUNC_SSL_QUIC_TLS_CRYPTO_SEND, erased(Callbacks::crypto_send)},
      {OSSL_FUNC_SSL_QUIC_TLS_CRYPTO_RECV_RCD, erased(Callbacks::crypto_receive)},
      {OSSL_FUNC_SSL_QUIC_TLS_CRYPTO_RELEASE_RCD, erased(Callbacks::crypto_release)},
      {OSSL_FUNC_SSL_QUIC_TLS_YIELD_SECRET, erased(Callbacks::yield_secret)},
      {OSSL_FUNC_SSL_QUIC_TLS_GOT_TRANSPORT_PARAMS, erased(Callbacks::got_transport_parameters)},
      {OSSL_FUNC_SSL_QUIC_TLS_ALERT, erased(Callbacks::alert)},
      {0, nullptr},
  };
  return callbacks;
}

}  // namespace sluice::quic
