#include "proxy/upstream_pool.h"

#include "base/clock.h"
#include "proxy/data_thread.h"
#include "proxy/shared_upstream.h"

namespace sluice {

UpstreamPool::~UpstreamPool() {
  while (!idle_.empty()) std::unique_ptr<UpstreamConnection>(&idle_.pop_front());
  while (!shared_.empty()) shared_.front().close();
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
  if (has_served(*connection)) {
    UpstreamConnection::close(std::move(connection));
    return;
  }
  make_room();
  connection->user_ = nullptr;
  connection->pool_ = this;
  connection->tag_ = tag;
  connection->timer_.set(limits_.timeout);
  size_++;
  idle_.push_front(*connection.release());
}

bool UpstreamPool::has_served(const UpstreamConnection& connection) const {
  uint64_t age = Clock::of_thread().monotonic_ms() - connection.opened_ms_;
  return connection.requests_ >= limits_.requests || age > limits_.time ||
         connection.thread_.draining();
}

void UpstreamPool::drop(UpstreamConnection& connection) {
  connection.unlink();
  size_--;
  UpstreamConnection::close(std::unique_ptr<UpstreamConnection>(&connection));
}

// --- Connections that requests share ---

SharedUpstream* UpstreamPool::join(const net::Address& peer, std::string_view identity,
                                   const void* tag) {
  for (SharedUpstream& shared : shared_) {
    UpstreamConnection& connection = *shared.transport();
    if (connection.tag_ != tag || connection.identity() != identity ||
        !(connection.peer_ == peer) || has_served(connection) || !shared.has_room()) {
      continue;
    }
    if (std::exchange(connection.resting_, false)) size_--;
    return &shared;
  }
  return nullptr;
}

void UpstreamPool::share(SharedUpstream& shared, const void* tag) {
  shared.transport()->tag_ = tag;
  shared.transport()->requests_ = 0;  // those who join are counted
  shared_.push_front(shared);
}

bool UpstreamPool::rest(SharedUpstream& shared) {
  UpstreamConnection& connection = *shared.transport();
  if (has_served(connection)) return false;
  if (connection.resting_) return true;
  make_room();
  connection.resting_ = true;
  connection.timer_.set(limits_.timeout);
  size_++;
  return true;
}

void UpstreamPool::leave(SharedUpstream& shared) {
  if (shared.transport()->resting_) size_--;
  shared.unlink();
}

/// For one more that is idle: of those that are, the one that has been for the longest time goes.
void UpstreamPool::make_room() {
  if (size_ < limits_.connections) return;
  if (!idle_.empty()) {
    drop(idle_.back());
    return;
  }
  SharedUpstream* oldest = nullptr;
  for (SharedUpstream& shared : shared_) {
    if (shared.transport()->resting_) oldest = &shared;
  }
  if (oldest) oldest->close();
}

}  // namespace sluice
