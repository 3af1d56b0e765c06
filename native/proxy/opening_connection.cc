#include "proxy/opening_connection.h"

#include <cerrno>

namespace sluice {

OpeningConnection::OpeningConnection(DataThread& thread, const ListenAddress& listen,
                                     net::StreamPtr stream, const http::ConnectionFacts& facts)
    : thread_(thread), listen_(listen), facts_(facts), stream_(std::move(stream)) {
  stream_->set_consumer(*this);
  timer_.bind<&OpeningConnection::on_timeout>(this);
  timer_.set(listen.servers.fallback().connection.client_header_timeout);
}

void OpeningConnection::begin(std::unique_ptr<OpeningConnection> owned, std::string_view first) {
  OpeningConnection& connection = *owned;
  DataThread& thread = connection.thread_;
  thread.add_connection(std::move(owned));
  thread.set_idle(connection, true);
  if (!first.empty()) connection.on_data(first);
}

void OpeningConnection::on_data(std::span<const char> data) {
  received_.append(data.data(), data.size());
  on_received();
}

net::StreamPtr OpeningConnection::give_up() {
  net::StreamPtr stream = std::move(stream_);
  timer_.cancel();
  thread_.remove_connection(*this);
  if (!thread_.take_connection_slot()) stream.reset();
  return stream;
}

void OpeningConnection::on_timeout() {
  thread_.error_log().write_errno(LogLevel::info, {.connection = facts_.number}, ETIMEDOUT,
                                  "client timed out");
  close();
}

void OpeningConnection::close() {
  stream_.reset();
  timer_.cancel();
  thread_.remove_connection(*this);
}

}  // namespace sluice
