#include "sockets/tcp_listener.h"

#include <cerrno>
#include <utility>

#include "sockets/socket_thread.h"

namespace sluice::sockets {

void TcpListener::obey(Order& order) {
  if (order.kind != Order::Kind::listen) return;
  address_ = order.address;
  net::ListenSocket socket;
  socket.on_kernel = false;
  socket.address = address_;
  socket.backlog = options_.backlog;
  socket.keepalive = options_.keepalive;
  listener_ = thread_.stack().listen(socket, *this);
  if (!listener_) error_ = errno;
  has_news();
}

void TcpListener::tell(Batch& batch) {
  if (error_) {
    batch.push_back({.kind = News::Kind::failed, .socket = number(), .value = error_});
  } else {
    batch.push_back({.kind = News::Kind::opened, .socket = number(), .local = address_});
  }
}

void TcpListener::on_accept(net::StreamPtr stream) {
  if (++connections_ >= options_.max_connections) listener_->pause();
  thread_.accepted(*this, std::move(stream));
}

/// The stack tries again after a while.
void TcpListener::on_accept_error(int) { thread_.counted.accept_failures++; }

void TcpListener::departed() {
  if (connections_-- == options_.max_connections && listener_) listener_->resume();
}

}  // namespace sluice::sockets
