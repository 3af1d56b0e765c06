#include "proxy/undecided_connection.h"

#include <cerrno>

#include "http/h1/server_connection.h"
#include "http/h2/server_connection.h"

namespace sluice {

void UndecidedConnection::accept(DataThread& thread, const ListenAddress& listen,
                                 net::StreamPtr stream, const http::ConnectionFacts& facts,
                                 std::string_view first) {
  auto owned = std::make_unique<UndecidedConnection>(thread, listen, std::move(stream), facts);
  UndecidedConnection& connection = *owned;
  thread.add_connection(std::move(owned));
  thread.set_idle(connection, true);
  if (!first.empty()) connection.on_data(first);
}

UndecidedConnection::UndecidedConnection(DataThread& thread, const ListenAddress& listen,
                                         net::StreamPtr stream, const http::ConnectionFacts& facts)
    : thread_(thread), listen_(listen), stream_(std::move(stream)), facts_(facts) {
  stream_->set_consumer(*this);
  timer_.bind<&UndecidedConnection::on_timeout>(this);
  timer_.set(listen.servers.fallback().connection.client_header_timeout);
}

void UndecidedConnection::on_data(std::span<const char> data) {
  received_.append(data.data(), data.size());
  size_t known = std::min(received_.size(), h2::preface.size());
  bool begins = received_.compare(0, known, h2::preface, 0, known) == 0;
  if (!begins || known == h2::preface.size()) hand_over(begins);
}

void UndecidedConnection::on_timeout() {
  thread_.error_log().write_errno(LogLevel::info, {.connection = facts_.number}, ETIMEDOUT,
                                  "client timed out");
  close();
}

// The slot that this connection had is the next one's.
void UndecidedConnection::hand_over(bool http2) {
  net::StreamPtr stream = std::move(stream_);
  timer_.cancel();
  thread_.remove_connection(*this);
  if (!thread_.take_connection_slot()) return;
  if (http2) {
    h2::ServerConnection::accept(thread_, listen_, std::move(stream), facts_, received_);
  } else {
    h1::ServerConnection::accept(thread_, listen_, std::move(stream), facts_, received_);
  }
}

void UndecidedConnection::close() {
  stream_.reset();
  timer_.cancel();
  thread_.remove_connection(*this);
}

}  // namespace sluice
