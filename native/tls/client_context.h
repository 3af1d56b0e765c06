#pragma once

#include <memory>
#include <string>

#include "tls/openssl.h"
#include "tls/settings.h"

namespace sluice::tls {

/// Whoever a server's sessions are for. Stays until the connection has ended.
class SessionReceiver {
 public:
  /// The server has granted a session that later connections may resume (RFC 8446, 4.6.1).
  virtual void on_session(SessionPtr session) = 0;

 protected:
  ~SessionReceiver() = default;
};

/// A client's side of TLS, ready for handshakes.
class ClientContext {
 public:
  /// Null with `error`, in nginx's words, when the settings don't do.
  static std::unique_ptr<ClientContext> make(const Settings& settings, std::string& error);

  /// A connection; `sessions` is told of what may be resumed, unless it is null.
  SslPtr connection(SessionReceiver* sessions) const;
  /// Has a new connection resume a session. Its key share is for the group that was agreed on then:
  /// one for each that might be costs more than all the rest of a resumed handshake.
  void resume(SSL* ssl, SSL_SESSION* session) const;
  /// The same for the same settings, whatever process or configuration has them.
  const std::string& fingerprint() const { return fingerprint_; }

 private:
  explicit ClientContext(const Settings& settings);
  bool build(const Settings& settings, std::string& error);

  ContextPtr context_;
  std::string fingerprint_;
  bool own_groups_ = false;  ///< a command chooses them
};

}  // namespace sluice::tls
