#pragma once

#include <span>
#include <string_view>

#include "tls/context.h"
#include "tls/session_lookup.h"

namespace sluice::tls {

/// What a server's handshake has to be told while it goes on. Whoever answers stays until the
/// TlsStream has told of its end, or detach() was called.
class ServerHandshake {
 public:
  /// For connections that begin with this context; another may be chosen by name.
  SslPtr begin(const Context& context);
  /// No more questions: the answers have all been given.
  static void detach(SSL* ssl) { SSL_set_app_data(ssl, nullptr); }
  /// The same after a handshake that went well, or whose early data is let in: it is counted.
  void complete(SSL* ssl);
  static ServerHandshake* of(SSL* ssl);

  SessionLookup session_lookup;

 protected:
  ~ServerHandshake() = default;

  /// The context of the server that answers to a name (RFC 6066, 3), empty where the client said
  /// none. Null: the handshake ends with unrecognized_name.
  virtual const Context* choose(std::string_view server_name) = 0;
  /// The protocols that are spoken, as ALPN lists them (RFC 7301).
  virtual std::span<const unsigned char> protocols() = 0;
  /// Gives the connection the certificates that are found only now; true where there are none such.
  virtual bool add_certificates(SSL* ssl) = 0;
  /// What has paused the handshake is there: SSL_do_handshake(), or its like, can go on.
  virtual void resume() = 0;

 private:
  friend class Context;
  friend class ContextBuilder;
  static void install(SSL_CTX* context);
  static int on_client_hello(SSL* ssl, int* alert, void*);
  static int on_server_name(SSL* ssl, int* alert, void*);
  static int on_protocols(SSL* ssl, const unsigned char** chosen, unsigned char* size,
                          const unsigned char* offered, unsigned offered_size, void*);
  static int on_certificate(SSL* ssl, void*);
  static int on_early_data(SSL* ssl, void*);
};

}  // namespace sluice::tls
