#include "sockets/socket_thread.h"

#include <utility>

#include "sockets/connection.h"
#include "sockets/datagram_port.h"
#include "sockets/tcp_listener.h"

namespace sluice::sockets {

void Endpoint::has_news() { thread_.has_news(*this); }

std::shared_ptr<SocketThread> SocketThread::create(std::unique_ptr<net::FstackStack> stack,
                                                   Deliver deliver) {
  if (!stack) return nullptr;
  auto thread = std::make_shared<SocketThread>(std::move(stack), std::move(deliver));
  return thread->orders_ ? thread : nullptr;
}

SocketThread::SocketThread(std::unique_ptr<net::FstackStack> stack, Deliver deliver)
    : stack_(std::move(stack)), deliver_(std::move(deliver)) {
  stack_->observe_turns(*this);
  if (!orders_) return;
  auto on_orders = [](void* self) {
    auto& thread = *static_cast<SocketThread*>(self);
    thread.orders_.take_all([&](Order& order) { thread.obey(order); });
  };
  stack_->watch(orders_.descriptor(), on_orders, this);
}

SocketThread::~SocketThread() {
  close_all();
  stack_->forget_turns(*this);
}

void SocketThread::run() { stack_->run(); }

// --- Orders ---

void SocketThread::obey(Order& order) {
  using Kind = Order::Kind;
  if (stopped_ && order.kind != Kind::halt) return;
  switch (order.kind) {
    case Kind::listen:
      return open(std::make_unique<TcpListener>(*this, order.socket, order.options), order);
    case Kind::connect:
      return open(std::make_unique<Connection>(*this, order.socket, order.options), order);
    case Kind::bind:
      return open(std::make_unique<DatagramPort>(*this, order.socket, order.options), order);
    case Kind::taken:
      under_way_ = false;
      return;
    case Kind::stop:
      return stop(false);
    case Kind::halt:
      return stop(true);
    default:
      break;
  }
  // None: it has gone with its listener, or JavaScript has closed it twice.
  const auto found = endpoints_.find(order.socket);
  if (found == endpoints_.end()) return;
  found->second->obey(order);
  if (order.kind != Kind::close && order.kind != Kind::reset) return;
  // Out of the table before it goes: connections look for their listener then.
  const auto gone = endpoints_.extract(found);
}

void SocketThread::open(std::unique_ptr<Endpoint> endpoint, Order& order) {
  endpoint->obey(order);
  endpoints_.emplace(order.socket, std::move(endpoint));
}

void SocketThread::close_all() { const auto gone = std::exchange(endpoints_, {}); }

void SocketThread::stop(bool at_once) {
  stopped_ = true;
  close_all();
  if (at_once) {
    stack_->stop();
  } else {
    stack_->stop_when_delivered();
  }
}

// --- Connections that come ---

void SocketThread::accepted(TcpListener& listener, net::StreamPtr stream) {
  auto connection =
      std::make_unique<Connection>(*this, --last_accepted_, listener.options(), listener.number());
  connection->take(std::move(stream));
  counted.accepted++;
  endpoints_.emplace(last_accepted_, std::move(connection));
}

void SocketThread::departed(Number listener) {
  const auto found = endpoints_.find(listener);
  if (found != endpoints_.end()) static_cast<TcpListener&>(*found->second).departed();
}

// --- News ---

void SocketThread::has_news(Endpoint& endpoint) {
  if (!endpoint.linked()) with_news_.push_back(endpoint);
}

// Whoever hears of something finds it counted.
void SocketThread::on_turn_end() {
  publish();
  if (!under_way_ && !with_news_.empty()) tell();
}

void SocketThread::tell() {
  Batch batch;
  size_t bytes = 0;
  IntrusiveList<Endpoint, EndpointsWithNews> now;
  now.splice(with_news_);
  while (!now.empty() && bytes < batch_bytes) {
    const size_t before = batch.size();
    now.pop_front().tell(batch);
    for (size_t i = before; i < batch.size(); ++i) bytes += sizeof(News) + batch[i].bytes.size();
  }
  // Who has more to say, and the rest.
  with_news_.splice(now);
  if (batch.empty()) return;
  under_way_ = true;
  deliver_(std::move(batch));
}

// --- Totals ---

void SocketThread::publish() {
  Totals now = counted;
  const net::FstackTraffic traffic = stack_->traffic();
  now.packets_received = traffic.received_packets;
  now.packet_bytes_received = traffic.received_bytes;
  now.packets_sent = traffic.sent_packets;
  now.packet_bytes_sent = traffic.sent_bytes;
  now.receive_drops = traffic.receive_drops;
  now.send_drops = traffic.send_drops;
  now.turns = stack_->turns();
  now.idle_turns = stack_->idle_turns();
  const auto words = std::bit_cast<std::array<uint64_t, sizeof(Totals) / sizeof(uint64_t)>>(now);
  for (size_t i = 0; i < words.size(); ++i) {
    published_[i].store(words[i], std::memory_order_relaxed);
  }
}

Totals SocketThread::totals() const {
  std::array<uint64_t, sizeof(Totals) / sizeof(uint64_t)> words;
  for (size_t i = 0; i < words.size(); ++i) {
    words[i] = published_[i].load(std::memory_order_relaxed);
  }
  return std::bit_cast<Totals>(words);
}

}  // namespace sluice::sockets
