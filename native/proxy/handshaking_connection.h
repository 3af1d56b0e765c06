#pragma once

#include <memory>
#include <string>

#include "http/downstream.h"
#include "net/stack.h"
#include "proxy/data_thread.h"
#include "tls/client_ocsp.h"
#include "tls/server_handshake.h"
#include "tls/tls_stream.h"

namespace sluice {

/// A connection to an address that speaks TLS, until its handshake is done and the codec that was
/// agreed on takes over. One that begins in the clear goes to HTTP/1, where it is told so (497).
class HandshakingConnection final : public ClientConnection,
                                    private net::Stream::Consumer,
                                    private tls::ServerHandshake {
 public:
  HandshakingConnection(DataThread& thread, const ListenAddress& listen, net::StreamPtr stream,
                        const http::ConnectionFacts& facts);
  /// `first`: what came behind a PROXY protocol header.
  static void accept(DataThread& thread, const ListenAddress& listen, net::StreamPtr stream,
                     const http::ConnectionFacts& facts, std::string_view first = {});

  // A first request may be on its way.
  void drain() override {}
  void terminate() override { close(); }

 private:
  // net::Stream::Consumer: of the stream itself at first, then of TLS over it
  void on_data(std::span<const char> data) override;
  void on_connected() override;
  void on_end() override;
  void on_writable() override {}
  void on_error(int error) override;

  // tls::ServerHandshake
  const tls::Context* choose(std::string_view server_name) override;
  std::span<const unsigned char> protocols() override;
  bool add_certificates(SSL* ssl) override;
  void resume() override { tls_->resume_handshake(); }

  const struct SslConf& shown_conf() const;
  void start_tls(std::span<const char> first);
  void on_client_checked();
  void hand_over(std::string_view first);
  void on_timeout();
  void close();
  [[gnu::format(printf, 4, 5)]] void log(LogLevel level, int error, const char* format, ...);
  static void append_log_context(LogLine& line, const void* object);

  DataThread& thread_;
  const ListenAddress& listen_;
  const Server* server_;
  net::StreamPtr stream_;
  tls::TlsStream* tls_ = nullptr;  ///< stream_, once it is one
  http::ConnectionFacts facts_;
  std::unique_ptr<tls::ClientOcsp::Check> client_check_;  ///< whether the client is revoked
  std::string held_;  ///< early data that came while that was asked
  std::string server_name_;
  std::string remote_text_;
  Timer timer_;
};

}  // namespace sluice
