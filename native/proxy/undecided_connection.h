#pragma once

#include "proxy/opening_connection.h"

namespace sluice {

/// A connection in the clear that may speak HTTP/1 or HTTP/2: its first bytes tell (RFC 9113
/// section 3.3).
class UndecidedConnection final : public OpeningConnection {
 public:
  using OpeningConnection::OpeningConnection;
  static void accept(DataThread& thread, const ListenAddress& listen, net::StreamPtr stream,
                     const http::ConnectionFacts& facts, std::string_view first);

 private:
  void on_received() override;
};

}  // namespace sluice
