#pragma once

#include "tls/client_hello.h"
#include "tls/openssl.h"

namespace sluice::tls {

/// What a client asks to resume.
struct Resumption {
  client_hello::Bytes session;     ///< id of a kept session; empty: none, or a ticket
  client_hello::Bytes early_data;  ///< what early data goes with, a ticket or id; empty: none came

  /// Within the ClientHello callback, once the server's context is in use. The legacy session id of
  /// a TLS 1.3 hello, and the one that goes with a ticket, are random: they name no session.
  static Resumption asked_for(SSL* ssl);
};

}  // namespace sluice::tls
