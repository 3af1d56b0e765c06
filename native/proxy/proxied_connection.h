#pragma once

#include "proxy/opening_connection.h"

namespace sluice {

/// A connection that still owes its PROXY protocol header. Once it has come, the codec takes over.
class ProxiedConnection final : public OpeningConnection {
 public:
  using OpeningConnection::OpeningConnection;
  static void accept(DataThread& thread, const ListenAddress& listen, net::StreamPtr stream,
                     const http::ConnectionFacts& facts);

 private:
  void on_received() override;
};

}  // namespace sluice
