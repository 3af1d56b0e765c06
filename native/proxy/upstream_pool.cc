#include "proxy/upstream_pool.h"

#include "base/clock.h"
#include "proxy/data_thread.h"

namespace sluice {

UpstreamPool::~UpstreamPool() {
  while (!idle_.empty()) std::unique_ptr<UpstreamConnection>(&idle_.pop_front());
}

std::unique_ptr<UpstreamConnection> UpstreamPool::take(const net::Address& peer,
                                                       std::string_view identity, const void* tag,
                                                       UpstreamConnection::User& user) {
  for (UpstreamConnection& connection : idle_) {
    if (connection.tag_ != tag || connection.identity() != identity ||
        !(connection.peer_ == peer)) {
      continue;
    }
    connection.unlink();
    size_--;
    connection.take(user);
    return std::unique_ptr<UpstreamConnection>(&connection);
  }
  return nullptr;
}

void UpstreamPool::keep(std::unique_ptr<UpstreamConnection> connection, const void* tag) {
  uint64_t age = Clock::of_thread().monotonic_ms() - connection->opened_ms_;
  if (connection->requests_ >= limits_.requests || age > limits_.time ||
      connection->thread_.draining()) {
    UpstreamConnection::close(std::move(connection));
    return;
  }
  if (size_ == limits_.connections) {
    drop(idle_.back());
  }
  connection->user_ = nullptr;
  connection->pool_ = this;
  connection->tag_ = tag;
  connection->timer_.set(limits_.timeout);
  size_++;
  idle_.push_front(*connection.release());
}

void UpstreamPool::drop(UpstreamConnection& connection) {
  connection.unlink();
  size_--;
  UpstreamConnection::close(std::unique_ptr<UpstreamConnection>(&connection));
}

}  // namespace sluice
