#include "net/kernel_stack.h"

#include <netinet/tcp.h>
#include <pthread.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "net/kernel_datagrams.h"
#include "net/kernel_listener.h"
#include "net/kernel_stream.h"

namespace sluice::net {
namespace {

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
    : Stack(std::make_shared<Turn>()), epoll_(std::move(epoll)) {}

KernelStack::~KernelStack() = default;

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

std::unique_ptr<Listener> KernelStack::listen(const ListenSocket& socket,
                                              Listener::Acceptor& acceptor) {
  return std::make_unique<KernelListener>(*this, socket, acceptor);
}

std::unique_ptr<DatagramSocket> KernelStack::open_datagrams(const ListenSocket& socket,
                                                            DatagramSocket::Consumer& consumer) {
  return std::make_unique<KernelDatagrams>(*this, socket.descriptor, consumer);
}

StreamPtr KernelStack::adopt(Descriptor socket, const Address& peer, bool no_delay) {
  return register_stream(std::move(socket), peer, false, no_delay);
}

StreamPtr KernelStack::register_stream(Descriptor socket, const Address& peer, bool connecting,
                                       bool no_delay) {
  int number = socket.get();
  auto stream =
      std::make_unique<KernelStream>(*turn_, std::move(socket), peer, connecting, no_delay);
  if (!add(number, stream_events, *stream)) return nullptr;
  return StreamPtr(stream.release());
}

StreamPtr KernelStack::connect(const Address& peer, const ConnectOptions& options,
                               Stream::Consumer& consumer, int& error) {
  Descriptor socket = start_connecting(peer, options);
  // Registered after connect(): an unconnected socket would announce a hang-up.
  StreamPtr stream = socket ? register_stream(std::move(socket), peer, true, false) : nullptr;
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
  add(descriptor, EPOLLIN | EPOLLET, *watches_.back());
}

void KernelStack::run() {
  stopped_ = false;
  epoll_event events[batch_size];
  while (!stopped_) {
    turn_->flush();
    int timeout = turn_->idle() ? timers().next_timeout() : 0;
    int count = ::epoll_wait(epoll_.get(), events, batch_size, timeout);
    turn_->begin();
    handle({events, static_cast<size_t>(std::max(count, 0))});
    turn_->finish();
  }
}

int KernelStack::poll_for(int64_t wait_us) {
  epoll_event events[batch_size];
  timespec wait = {wait_us / 1'000'000, wait_us % 1'000'000 * 1000};
  int count = wait_us ? ::epoll_pwait2(epoll_.get(), events, batch_size, &wait, nullptr)
                      : ::epoll_wait(epoll_.get(), events, batch_size, 0);
  if (wait_us) turn_->begin();
  return handle({events, static_cast<size_t>(std::max(count, 0))});
}

int KernelStack::handle(std::span<epoll_event> events) {
  batch_ = events;
  while (!batch_.empty()) {
    epoll_event event = batch_.front();
    batch_ = batch_.subspan(1);
    if (event.data.ptr) static_cast<EventSource*>(event.data.ptr)->on_events(event.events);
    turn_->flush();
  }
  return static_cast<int>(events.size());
}

}  // namespace sluice::net
