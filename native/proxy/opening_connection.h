#pragma once

#include <memory>
#include <string>

#include "http/downstream.h"
#include "net/stack.h"
#include "proxy/data_thread.h"

namespace sluice {

/// A connection whose first bytes are waited for, in the clear, to know who takes it over.
class OpeningConnection : public ClientConnection, private net::Stream::Consumer {
 public:
  OpeningConnection(DataThread& thread, const ListenAddress& listen, net::StreamPtr stream,
                    const http::ConnectionFacts& facts);

  // A first request may be on its way.
  void drain() override {}
  void terminate() override { close(); }

 protected:
  /// Puts it among the thread's. `first`: bytes that have come already.
  static void begin(std::unique_ptr<OpeningConnection> connection, std::string_view first = {});
  /// More has come: received_ has all.
  virtual void on_received() = 0;
  /// Gives the stream to whoever is next, with the slot that this connection had. Null: there is no
  /// slot for it.
  net::StreamPtr give_up();
  void close();

  DataThread& thread_;
  const ListenAddress& listen_;
  http::ConnectionFacts facts_;
  std::string received_;

 private:
  void on_data(std::span<const char> data) override;
  void on_end() override { close(); }
  void on_writable() override {}
  void on_error(int) override { close(); }
  void on_timeout();

  net::StreamPtr stream_;
  Timer timer_;
};

}  // namespace sluice
