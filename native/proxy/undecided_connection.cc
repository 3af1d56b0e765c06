#include "proxy/undecided_connection.h"

#include "http/h1/server_connection.h"
#include "http/h2/server_connection.h"

namespace sluice {

void UndecidedConnection::accept(DataThread& thread, const ListenAddress& listen,
                                 net::StreamPtr stream, const http::ConnectionFacts& facts,
                                 std::string_view first) {
  begin(std::make_unique<UndecidedConnection>(thread, listen, std::move(stream), facts), first);
}

void UndecidedConnection::on_received() {
  size_t known = std::min(received_.size(), h2::preface.size());
  bool http2 = received_.compare(0, known, h2::preface, 0, known) == 0;
  if (http2 && known < h2::preface.size()) return;
  net::StreamPtr stream = give_up();
  if (!stream) return;
  if (http2) {
    h2::ServerConnection::accept(thread_, listen_, std::move(stream), facts_, received_);
  } else {
    h1::ServerConnection::accept(thread_, listen_, std::move(stream), facts_, received_);
  }
}

}  // namespace sluice
