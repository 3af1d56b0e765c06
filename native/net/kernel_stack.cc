#include "net/kernel_stack.h"

#include <netinet/tcp.h>
#include <pthread.h>

#include <cerrno>
#include <csignal>

#include "base/clock.h"
#include "net/kernel_datagrams.h"
#include "net/kernel_listener.h"
#include "net/kernel_stream.h"

namespace sluice::net {
namespace {

uint64_t read_clock() {
  Clock& clock = Clock::of_thread();
  clock.update();
  return clock.monotonic_ms();
}

bool enable(int socket, int level, int option, int value = 1) {
  return ::setsockopt(socket, level, option, &value, sizeof(value)) == 0;
}

bool bind_source(int socket, const Address& source, bool transparent) {
  bool v6 = source.family() == Family::ipv6;
  if (transparent) {
    bool done = v6 ? enable(socket, IPPROTO_IPV6, IPV6_TRANSPARENT)
                   : enable(socket, IPPROTO_IP, IP_TRANSPARENT);
    if (!done) return false;
  }
  // The port is chosen by connect(), which knows the peer: ports don't run out per source address.
  if (source.is_ip() && source.port() == 0) enable(socket, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT);
  return ::bind(socket, source.data(), source.size()) == 0;
}

Descriptor start_connecting(const Address& peer, const ConnectOptions& options) {
  Descriptor socket(
      ::socket(peer.data()->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) return {};
  if (options.keepalive) enable(socket.get(), SOL_SOCKET, SO_KEEPALIVE);
  if (options.receive_buffer) {
    enable(socket.get(), SOL_SOCKET, SO_RCVBUF, options.receive_buffer);
  }
  if (options.send_buffer) enable(socket.get(), SOL_SOCKET, SO_SNDBUF, options.send_buffer);
  if (options.bind && !bind_source(socket.get(), *options.bind, options.transparent)) return {};
  if (::connect(socket.get(), peer.data(), peer.size()) < 0 && errno != EINPROGRESS) return {};
  return socket;
}

constexpr uint32_t stream_events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;

}  // namespace

class KernelStack::Watch final : public EventSource {
 public:
  Watch(void (*on_ready)(void*), void* context) : on_ready_(on_ready), context_(context) {}
  void on_events(uint32_t) override { on_ready_(context_); }

 private:
  void (*on_ready_)(void*);
  void* context_;
};

std::unique_ptr<KernelStack> KernelStack::create() {
  Descriptor epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return nullptr;
  sigset_t broken_pipe;
  sigemptyset(&broken_pipe);
  sigaddset(&broken_pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
  return std::make_unique<KernelStack>(std::move(epoll));
}

KernelStack::KernelStack(Descriptor epoll)
    : epoll_(std::move(epoll)),
      timers_(read_clock()),
      read_buffer_(std::make_unique_for_overwrite<char[]>(KernelStream::max_read)) {}

KernelStack::~KernelStack() { bury_closed(); }

bool KernelStack::add(int descriptor, uint32_t events, EventSource& source) {
  epoll_event event = {events, {.ptr = &source}};
  return ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, descriptor, &event) == 0;
}

void KernelStack::remove(int descriptor, EventSource& source) {
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, descriptor, nullptr);
  for (epoll_event& event : batch_) {
    if (event.data.ptr == &source) event.data.ptr = nullptr;
  }
}

std::unique_ptr<Listener> KernelStack::listen(int descriptor, Listener::Acceptor& acceptor) {
  return std::make_unique<KernelListener>(*this, descriptor, acceptor);
}

std::unique_ptr<DatagramSocket> KernelStack::open_datagrams(int descriptor,
                                                            DatagramSocket::Consumer& consumer) {
  return std::make_unique<KernelDatagrams>(*this, descriptor, consumer);
}

StreamPtr KernelStack::adopt(Descriptor socket, const Address& peer) {
  return register_stream(std::move(socket), peer, false);
}

StreamPtr KernelStack::register_stream(Descriptor socket, const Address& peer, bool connecting) {
  int number = socket.get();
  auto stream = std::make_unique<KernelStream>(*this, std::move(socket), peer, connecting);
  if (!add(number, stream_events, *stream)) return nullptr;
  return StreamPtr(stream.release());
}

StreamPtr KernelStack::connect(const Address& peer, const ConnectOptions& options,
                               Stream::Consumer& consumer, int& error) {
  Descriptor socket = start_connecting(peer, options);
  // Registered after connect(): an unconnected socket would announce a hang-up.
  StreamPtr stream = socket ? register_stream(std::move(socket), peer, true) : nullptr;
  if (!stream) {
    error = errno;
    return nullptr;
  }
  stream->set_consumer(consumer);
  error = 0;
  return stream;
}

void KernelStack::watch(int descriptor, void (*on_ready)(void*), void* context) {
  watches_.push_back(std::make_unique<Watch>(on_ready, context));
  add(descriptor, EPOLLIN, *watches_.back());
}

void KernelStack::run() {
  stopped_ = false;
  while (!stopped_) turn();
}

void KernelStack::turn() {
  epoll_event events[batch_size];
  flush_dirty();
  bool idle = waiting_.empty() && waiting_layers_.empty();
  int timeout = idle ? timers_.next_timeout() : 0;
  int count = ::epoll_wait(epoll_.get(), events, batch_size, timeout);
  timers_.update(read_clock());

  batch_ = {events, static_cast<size_t>(count > 0 ? count : 0)};
  while (!batch_.empty()) {
    epoll_event event = batch_.front();
    batch_ = batch_.subspan(1);
    if (event.data.ptr) static_cast<EventSource*>(event.data.ptr)->on_events(event.events);
    flush_dirty();
  }
  timers_.advance();
  flush_dirty();
  visit_waiting();
  // By position: an observer may be forgotten meanwhile.
  for (size_t i = 0; i < observers_.size(); ++i) observers_[i]->on_turn_end();
  flush_dirty();
  bury_closed();
}

void KernelStack::settle_later(Layer& layer) {
  if (!layer.ListHook<LayersToSettle>::linked()) unsettled_layers_.push_back(layer);
}

void KernelStack::visit_later(Layer& layer) {
  if (!layer.ListHook<LayersToVisit>::linked()) waiting_layers_.push_back(layer);
}

void KernelStack::bury(std::unique_ptr<Layer> layer) {
  layer->ListHook<LayersToSettle>::unlink();
  layer->ListHook<LayersToVisit>::unlink();
  closed_layers_.push_back(std::move(layer));
}

void KernelStack::flush_dirty() {
  while (!unsettled_layers_.empty()) unsettled_layers_.pop_front().settle();
  while (!dirty_.empty()) dirty_.pop_front().settle();
}

/// Once each: what they leave waits for the next turn, so that nobody starves the rest.
void KernelStack::visit_waiting() {
  IntrusiveList<KernelStream, ToVisit> now;
  now.splice(waiting_);
  while (!now.empty()) {
    now.pop_front().visit();
    flush_dirty();
  }
  IntrusiveList<Layer, LayersToVisit> layers;
  layers.splice(waiting_layers_);
  while (!layers.empty()) {
    layers.pop_front().visit();
    flush_dirty();
  }
}

void KernelStack::bury_closed() {
  closed_layers_.clear();
  while (!closed_.empty()) std::unique_ptr<KernelStream>(&closed_.pop_front()).reset();
}

}  // namespace sluice::net
