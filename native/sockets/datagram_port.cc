#include "sockets/datagram_port.h"

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <utility>

#include "sockets/socket_thread.h"

namespace sluice::sockets {

DatagramPort::~DatagramPort() {
  if (!socket_) return;
  socket_->flush();
  count_refused();
}

void DatagramPort::obey(Order& order) {
  if (order.kind == Order::Kind::bind) bind(order.address);
  if (order.kind == Order::Kind::send && socket_) send(order);
}

void DatagramPort::bind(const net::Address& address) {
  address_ = address;
  net::ListenSocket socket;
  socket.on_kernel = false;
  socket.address = address;
  socket.may_fragment = true;
  socket_ = thread_.stack().open_datagrams(socket, *this);
  if (!socket_) error_ = errno;
  has_news();
}

void DatagramPort::send(const Order& order) {
  std::span<uint8_t> room = socket_->prepare(order.bytes.size());
  if (room.size() < order.bytes.size()) return;
  std::ranges::copy(order.bytes, room.begin());
  socket_->commit(order.bytes.size(), {.remote = order.address, .local = {}});
  thread_.counted.datagrams_sent++;
  has_news();
}

void DatagramPort::count_refused() {
  const uint64_t refused = socket_->refused();
  thread_.counted.datagrams_refused += refused - std::exchange(refused_, refused);
}

void DatagramPort::on_datagram(const net::Datagram& datagram) {
  thread_.counted.datagrams_received++;
  has_news();
  if (waiting_bytes_ + datagram.bytes.size() + overhead > window_) {
    thread_.counted.datagrams_dropped++;
    dropped_++;
    return;
  }
  waiting_bytes_ += datagram.bytes.size() + overhead;
  News news = {.kind = News::Kind::datagram, .socket = number()};
  news.bytes.assign(reinterpret_cast<const char*>(datagram.bytes.data()), datagram.bytes.size());
  news.remote = datagram.remote;
  waiting_.push_back(std::move(news));
}

void DatagramPort::tell(Batch& batch) {
  using Kind = News::Kind;
  if (error_) {
    batch.push_back({.kind = Kind::failed, .socket = number(), .value = error_});
    return;
  }
  socket_->flush();
  count_refused();
  if (!std::exchange(told_open_, true)) {
    batch.push_back({.kind = Kind::opened, .socket = number(), .local = address_});
    // Who waits for it listens before the next batch comes.
    if (!waiting_.empty()) has_news();
    return;
  }
  std::ranges::move(waiting_, std::back_inserter(batch));
  waiting_.clear();
  waiting_bytes_ = 0;
  if (dropped_) {
    const auto dropped = int64_t(std::exchange(dropped_, 0));
    batch.push_back({.kind = Kind::dropped, .socket = number(), .value = dropped});
  }
}

}  // namespace sluice::sockets
