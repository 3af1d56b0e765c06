#pragma once

#include "tls/dispatch.h"

namespace sluice::quic {

/// What SSL_set_quic_tls_cbs(3) wants, of a struct that has the functions by these names.
template <typename Callbacks>
const OSSL_DISPATCH* tls_callbacks() {
  using tls::dispatched;
  static const OSSL_DISPATCH callbacks[] = {
      dispatched(OSSL_FUNC_SSL_QUIC_TLS_CRYPTO_SEND, Callbacks::crypto_send),
      dispatched(OSSL_FUNC_SSL_QUIC_TLS_CRYPTO_RECV_RCD, Callbacks::crypto_receive),
      dispatched(OSSL_FUNC_SSL_QUIC_TLS_CRYPTO_RELEASE_RCD, Callbacks::crypto_release),
      dispatched(OSSL_FUNC_SSL_QUIC_TLS_YIELD_SECRET, Callbacks::yield_secret),
      dispatched(OSSL_FUNC_SSL_QUIC_TLS_GOT_TRANSPORT_PARAMS, Callbacks::got_transport_parameters),
      dispatched(OSSL_FUNC_SSL_QUIC_TLS_ALERT, Callbacks::alert),
      OSSL_DISPATCH_END,
  };
  return callbacks;
}

}  // namespace sluice::quic
