#include "worker.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace h3load {

Worker::Worker(const Load& load) : load_(load), poll_(::epoll_create1(EPOLL_CLOEXEC)) {
  gnutls_certificate_allocate_credentials(&credentials_);
}

Worker::~Worker() {
  for (auto& [connection, owned] : connections_) connection->close(now_);
  connections_.clear();
  gnutls_certificate_free_credentials(credentials_);
  ::close(poll_);
}

void Worker::run() {
  now_ = monotonic_ns();
  uint64_t end = load_.seconds > 0 ? now_ + uint64_t(load_.seconds * NGTCP2_SECONDS) : UINT64_MAX;
  wanted_ = load_.requests;
  for (uint32_t i = 0; i < load_.connections; ++i) open();
  while (now_ < end && answered_ < load_.requests && !connections_.empty()) turn();
}

void Worker::open_idle(uint32_t count) {
  idle_ = true;
  while (count > 0 || opening_ > 0) {
    for (; count > 0 && opening_ < opened_at_once; --count) {
      ++opening_;
      ++wanted_;
      open();
    }
    turn();
  }
}

void Worker::hold(int descriptor) {
  epoll_event event = {.events = EPOLLIN, .data = {.ptr = nullptr}};
  ::epoll_ctl(poll_, EPOLL_CTL_ADD, descriptor, &event);
  interrupted_ = false;
  while (!interrupted_) turn();
  ::epoll_ctl(poll_, EPOLL_CTL_DEL, descriptor, nullptr);
}

void Worker::open() {
  now_ = monotonic_ns();
  Owner& owner = *this;
  auto made = std::make_unique<ClientConnection>(owner, load_.target, credentials_, load_.streams);
  ClientConnection& connection = *made;
  connections_.emplace(&connection, std::move(made));
  if (connection.begin(now_)) {
    epoll_event event = {.events = EPOLLIN, .data = {.ptr = &connection}};
    ::epoll_ctl(poll_, EPOLL_CTL_ADD, connection.descriptor(), &event);
  }
  schedule(connection);
}

void Worker::schedule(ClientConnection& connection) {
  if (std::exchange(connection.scheduled, true)) return;
  scheduled_.push_back(&connection);
}

void Worker::turn() {
  std::array<epoll_event, 256> events;
  int timeout = scheduled_.empty() ? 1000 : 0;
  if (!timers_.empty() && timeout > 0) {
    uint64_t next = timers_.begin()->first;
    uint64_t wait = next > now_ ? (next - now_ + NGTCP2_MILLISECONDS - 1) / NGTCP2_MILLISECONDS : 0;
    timeout = int(std::min<uint64_t>(uint64_t(timeout), wait));
  }
  int count = ::epoll_wait(poll_, events.data(), int(events.size()), timeout);
  now_ = monotonic_ns();
  for (int i = 0; i < count; ++i) {
    auto* connection = static_cast<ClientConnection*>(events[size_t(i)].data.ptr);
    if (!connection) {
      interrupted_ = true;
      continue;
    }
    connection->receive(now_);
    schedule(*connection);
  }
  while (!timers_.empty() && timers_.begin()->first <= now_) {
    ClientConnection& connection = *timers_.begin()->second;
    timers_.erase(timers_.begin());
    connection.timer = UINT64_MAX;
    // It may have been put off meanwhile.
    if (connection.expiry() <= now_) {
      connection.on_expiry(now_);
      schedule(connection);
    } else {
      set_timer(connection, connection.expiry());
    }
  }
  std::vector<ClientConnection*> due = std::exchange(scheduled_, {});
  for (ClientConnection* connection : due) {
    connection->scheduled = false;
    settle(*connection);
  }
}

void Worker::settle(ClientConnection& connection) {
  connection.write(now_);
  if (!connection.failure().empty()) {
    count_error(connection.failure());
    answered_ += connection.open_requests();
    if (idle_) {
      opening_ -= connection.responses() == 0;
    } else if (load_.requests_of_connection != UINT64_MAX) {
      open();
    }
    remove(connection);
  } else if (connection.responses() >= load_.requests_of_connection) {
    connection.close(now_);
    remove(connection);
    open();
  } else {
    set_timer(connection, connection.expiry());
  }
}

// A timer that is too early is looked at again: cheaper than one moved with each packet.
void Worker::set_timer(ClientConnection& connection, uint64_t expiry) {
  if (expiry >= connection.timer) return;
  timers_.erase({connection.timer, &connection});
  connection.timer = expiry;
  timers_.emplace(expiry, &connection);
}

void Worker::remove(ClientConnection& connection) {
  timers_.erase({connection.timer, &connection});
  connections_.erase(&connection);
}

bool Worker::wants_request(uint64_t sent) {
  if (sent >= (idle_ ? 1 : load_.requests_of_connection) || wanted_ == 0) return false;
  wanted_--;
  return true;
}

void Worker::on_response(ClientConnection& connection, uint64_t latency) {
  answered_++;
  tally_.responses++;
  tally_.latencies.add(latency);
  if (connection.responses() != 1) return;
  tally_.connections++;
  if (idle_) opening_--;
}

void Worker::on_wrong_response(std::string_view why) {
  answered_++;
  count_error(why);
}

void Worker::count_error(std::string_view what) {
  auto found = tally_.errors.find(what);
  if (found == tally_.errors.end()) found = tally_.errors.emplace(what, 0).first;
  found->second++;
}

}  // namespace h3load
