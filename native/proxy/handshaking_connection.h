#pragma once

#include <memory>
#include <string>

#include "http/downstream.h"
#include "net/stack.h"
#include "proxy/data_thread.h"
#include "proxy/virtual_server_handshake.h"
#include "tls/tls_stream.h"

namespace sluice {

/// A connection to an address that speaks TLS, until its handshake is done and the codec that was
/// agreed on takes over. One that begins in the clear goes to HTTP/1, where it is told so (497).
class HandshakingConnection final : public ClientConnection,
                                    private net::Stream::Consumer,
                                    private VirtualServerHandshake {
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

  // VirtualServerHandshake
  const tls::Context* choose(std::string_view server_name) override;
  std::span<const unsigned char> protocols() override;
  void resume() override { tls_->resume_handshake(); }
  void on_client_checked() override;

  void start_tls(std::span<const char> first);
  void hand_over(std::string_view first);
  void on_timeout();
  void close();
  [[gnu::format(printf, 4, 5)]] void log(LogLevel level, int error, const char* format, ...);
  static void append_log_context(LogLine& line, const void* object);

  net::StreamPtr stream_;
  tls::TlsStream* tls_ = nullptr;  ///< stream_, once it is one
  std::string held_;  ///< early data that came while it was asked whether the client is revoked
  std::string remote_text_;
  Timer timer_;
};

}  // namespace sluice
