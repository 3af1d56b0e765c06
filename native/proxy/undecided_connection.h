#pragma once

#include <string>

#include "http/downstream.h"
#include "net/stack.h"
#include "proxy/data_thread.h"

namespace sluice {

/// A connection in the clear that may speak HTTP/1 or HTTP/2: its first bytes tell (RFC 9113
/// section 3.3).
class UndecidedConnection final : public ClientConnection, private net::Stream::Consumer {
 public:
  UndecidedConnection(DataThread& thread, const ListenAddress& listen, net::StreamPtr stream,
                      const http::ConnectionFacts& facts);
  static void accept(DataThread& thread, const ListenAddress& listen, net::StreamPtr stream,
                     const http::ConnectionFacts& facts, std::string_view first);

  // A first request may be on its way.
  void drain() override {}
  void terminate() override { close(); }

 private:
  void on_data(std::span<const char> data) override;
  void on_end() override { close(); }
  void on_writable() override {}
  void on_error(int) override { close(); }
  void on_timeout();
  void hand_over(bool http2);
  void close();

  DataThread& thread_;
  const ListenAddress& listen_;
  net::StreamPtr stream_;
  http::ConnectionFacts facts_;
  std::string received_;
  Timer timer_;
};

}  // namespace sluice
