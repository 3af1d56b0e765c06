#include "sockets/connection.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "sockets/socket_thread.h"

namespace sluice::sockets {

Connection::Connection(SocketThread& thread, Number number, const Options& options, Number listener)
    : Endpoint(thread, number), options_(options), listener_(listener) {
  timer_.bind<&Connection::time_out>(this);
  thread.counted.connections++;
}

Connection::~Connection() {
  thread_.counted.connections--;
  if (listener_) thread_.departed(listener_);
}

void Connection::take(net::StreamPtr stream) {
  stream_ = std::move(stream);
  stream_->set_consumer(*this);
  on_connected();
}

void Connection::obey(Order& order) {
  using Kind = Order::Kind;
  if (order.kind == Kind::connect) return connect(order.address);
  if (!stream_) return;  // it has failed, and JavaScript doesn't know yet
  switch (order.kind) {
    case Kind::write:
      return write(order.bytes);
    case Kind::consumed:
      return consumed(order.count);
    case Kind::finish:
      return stream_->shutdown_write();
    case Kind::reset:
      return stream_.release()->reset();
    default:
      return;
  }
}

void Connection::connect(const net::Address& peer) {
  net::ConnectOptions options;
  options.keepalive = options_.keepalive.on;
  int error = 0;
  stream_ = thread_.stack().connect(peer, options, *this, error);
  if (!stream_) return fail(error);
  if (options_.connect_timeout_ms) timer_.set(options_.connect_timeout_ms);
}

void Connection::on_connected() {
  timer_.cancel();
  open_ = true;
  remote_ = stream_->remote_address();
  local_ = stream_->local_address();
  if (!listener_) thread_.counted.connected++;
  if (options_.no_delay) stream_->set_no_delay(true);
  await_data();
  moved();
  has_news();
}

// --- From the peer ---

/// Never more than the window has room for.
void Connection::await_data() {
  stream_->set_read_size(std::min<size_t>(largest_read, options_.window - held_));
}

void Connection::on_data(std::span<const char> data) {
  inbound_.append(data.data(), data.size());
  held_ += data.size();
  thread_.counted.bytes_received += data.size();
  if (held_ >= options_.window) {
    stream_->pause_reading();
  } else {
    await_data();
  }
  moved();
  has_news();
}

void Connection::consumed(uint64_t count) {
  held_ -= std::min(count, held_);
  if (held_ >= options_.window) return;
  await_data();
  stream_->resume_reading();
}

void Connection::on_end() {
  ended_ = true;
  has_news();
}

// --- To the peer ---

void Connection::write(std::string& bytes) {
  written_ += bytes.size();
  stream_->write(bytes);
  stream_->flush();
  moved();
  has_news();
}

/// Flushing has it called again when the rest has gone.
void Connection::on_writable() {
  stream_->flush();
  moved();
  has_news();
}

// --- The end ---

/// A byte has moved.
void Connection::moved() {
  if (options_.idle_timeout_ms && stream_) timer_.set(options_.idle_timeout_ms);
}

void Connection::time_out() {
  stream_.release()->reset();
  fail(ETIMEDOUT);
}

void Connection::fail(int error) {
  timer_.cancel();
  stream_.reset();
  error_ = error;
  has_news();
}

// --- News ---

void Connection::tell(Batch& batch) {
  using Kind = News::Kind;
  if (open_ && !std::exchange(told_open_, true)) {
    News news = {.kind = listener_ ? Kind::accepted : Kind::opened, .socket = number()};
    news.value = listener_;
    news.remote = remote_;
    news.local = local_;
    batch.push_back(std::move(news));
    // Who waits for a connection listens before the next batch comes.
    if (!listener_) return has_news();
  }
  if (!inbound_.empty()) {
    News news = {.kind = Kind::data, .socket = number()};
    news.bytes = std::exchange(inbound_, {});
    batch.push_back(std::move(news));
  }
  const uint64_t sent = stream_ ? written_ - stream_->unsent() : sent_;
  if (sent > sent_) {
    const uint64_t more = sent - std::exchange(sent_, sent);
    thread_.counted.bytes_sent += more;
    batch.push_back({.kind = Kind::sent, .socket = number(), .value = int64_t(more)});
  }
  if (ended_ && !std::exchange(told_end_, true)) {
    batch.push_back({.kind = Kind::end, .socket = number()});
  }
  if (error_) batch.push_back({.kind = Kind::failed, .socket = number(), .value = error_});
}

}  // namespace sluice::sockets
