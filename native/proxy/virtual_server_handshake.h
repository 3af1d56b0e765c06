#pragma once

#include <memory>
#include <string>

#include "http/downstream.h"
#include "proxy/data_thread.h"
#include "tls/agreement.h"
#include "tls/client_ocsp.h"
#include "tls/server_handshake.h"

namespace sluice {

struct SslConf;

/// A handshake at an address of several servers: the name that the client says chooses one (RFC
/// 6066, 3). The same over TCP and QUIC.
class VirtualServerHandshake : protected tls::ServerHandshake {
 protected:
  VirtualServerHandshake(DataThread& thread, const ListenAddress& listen,
                         const http::ConnectionFacts& facts);
  ~VirtualServerHandshake();

  // tls::ServerHandshake
  const tls::Context* choose(std::string_view server_name) override;
  bool add_certificates(SSL* ssl) override;

  /// Requests may come: completes the handshake and has the connection's facts tell of it.
  void note_tls(SSL* ssl);
  /// The handshake is done: the client's certificate, if there is one, is looked into. False:
  /// nothing has to be asked; else on_client_checked() follows, and client_check_ is what to drop
  /// then.
  bool check_client(SSL* ssl);
  virtual void on_client_checked() = 0;

  DataThread& thread_;
  const ListenAddress& listen_;
  const Server* server_;  ///< the default one until another is chosen
  http::ConnectionFacts facts_;
  std::shared_ptr<tls::Agreement> agreement_;             ///< of facts_.tls
  std::unique_ptr<tls::ClientOcsp::Check> client_check_;  ///< whether the client is revoked

 private:
  const SslConf& shown_conf() const;

  std::string server_name_;
};

}  // namespace sluice
