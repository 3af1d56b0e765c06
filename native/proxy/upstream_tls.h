#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "modules/variable_certificates.h"
#include "net/stack.h"
#include "proxy/plan.h"
#include "proxy/template.h"
#include "tls/client_context.h"
#include "tls/tls_stream.h"

namespace sluice {

class Exchange;
class Runtime;
class UpstreamSessions;

/// How a block secures its connections to upstreams:
/// https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_ssl_verify
struct UpstreamTlsConf {
  /// Null: it doesn't.
  static std::unique_ptr<UpstreamTlsConf> read(Runtime& runtime, const plan::Node& node);

  /// What a request's variables make of it.
  struct Terms {
    std::string name;  ///< of the peer
    /// Connections with the same one are secured in the same way, to the same peer.
    std::string identity;
  };
  /// `upstream`: the peer's name where proxy_ssl_name says none.
  Terms terms(Exchange& exchange, std::string_view upstream) const;

  const tls::ClientContext* context = nullptr;
  Template name;
  bool tells_name = false;
  bool verifies = false;
  bool reuses_sessions = true;
  std::unique_ptr<VariableCertificates> certificates;  ///< null: the context has them
};

/// TLS of one connection to a peer.
class UpstreamTls final : private tls::SessionReceiver {
 public:
  /// Ready for a handshake with `peer`; `sessions`, if any, has what may be resumed; `protocols` is
  /// what ALPN offers (RFC 7301), as it goes over the wire. Null, and a line in the exchange's log,
  /// when it can't even begin.
  static std::unique_ptr<UpstreamTls> begin(const UpstreamTlsConf& conf,
                                            UpstreamTlsConf::Terms terms, Exchange& exchange,
                                            UpstreamSessions* sessions, std::string_view peer,
                                            std::string_view protocols);
  UpstreamTls(const UpstreamTls&) = delete;
  UpstreamTls& operator=(const UpstreamTls&) = delete;

  /// Lies over a stream that connects, once.
  net::StreamPtr secure(net::Stack& stack, net::StreamPtr inner);
  /// The handshake has begun.
  bool begun() const { return !SSL_in_before(stream_->ssl()); }
  /// The handshake is done: whether the peer is the one that was wanted; else failure() says why.
  bool verify();
  /// What went wrong, in nginx's words; empty when it is the errno alone that tells.
  const std::string& failure() const { return failure_.empty() ? stream_->failure() : failure_; }
  /// The peer isn't to blame.
  bool failure_is_ours() const { return failure_.empty() && stream_->failure_is_ours(); }
  const std::string& identity() const { return terms_.identity; }

 private:
  UpstreamTls(const UpstreamTlsConf& conf, UpstreamTlsConf::Terms terms, UpstreamSessions* sessions,
              std::string_view peer);
  bool prepare(Exchange& exchange, std::string_view protocols);
  void on_session(tls::SessionPtr session) override;

  const UpstreamTlsConf& conf_;
  UpstreamTlsConf::Terms terms_;
  UpstreamSessions* sessions_;
  std::string peer_;
  std::string failure_;
  tls::SslPtr ssl_;                   ///< until there is a stream
  tls::TlsStream* stream_ = nullptr;  ///< its owner is whoever has what secure() gave
  tls::SessionPtr early_session_;     ///< granted before the peer was verified
  bool verified_ = false;
};

}  // namespace sluice
