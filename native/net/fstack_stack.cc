#include "net/fstack_stack.h"

#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "net/fstack_datagrams.h"
#include "net/fstack_listener.h"
#include "net/fstack_stream.h"
#include "net/fstack_tcp_states.h"

namespace sluice::net {
namespace {

/// What the sockets meet once ff_run() has returned and F-Stack is gone: every call fails, so that
/// streams that outlive it can be closed.
constexpr FstackApi ended = {
    .version = FstackApi::current_version,
    .description = "",
    .start = [](const FstackStart&) { return false; },
    .run = [](int (*)(void*), void*) {},
    .stop = [] {},
    .socket = [](int, int, int) { return errno = ENETDOWN, -1; },
    .bind = [](int, const sockaddr*, socklen_t) { return errno = ENETDOWN, -1; },
    .listen = [](int, int) { return errno = ENETDOWN, -1; },
    .accept = [](int, sockaddr*, socklen_t*) { return errno = ENETDOWN, -1; },
    .connect = [](int, const sockaddr*, socklen_t) { return errno = ENETDOWN, -1; },
    .shutdown = [](int, int) { return 0; },
    .close = [](int) { return 0; },
    .get_local_address = [](int, sockaddr*, socklen_t*) { return errno = ENETDOWN, -1; },
    .set_option = [](int, int, int, const void*, socklen_t) { return errno = ENETDOWN, -1; },
    .set_freebsd_option = [](int, int, int, const void*,
                             socklen_t) { return errno = ENETDOWN, -1; },
    .get_option = [](int, int, int, void*, socklen_t*) { return errno = ENETDOWN, -1; },
    .set_non_blocking = [](int) { return errno = ENETDOWN, -1; },
    .read = [](int, void*, size_t) -> ssize_t { return errno = ENETDOWN, -1; },
    .write = [](int, const void*, size_t) -> ssize_t { return errno = ENETDOWN, -1; },
    .writev = [](int, const iovec*, int) -> ssize_t { return errno = ENETDOWN, -1; },
    .receive_message = [](int, msghdr*, int) -> ssize_t { return errno = ENETDOWN, -1; },
    .send_message = [](int, const msghdr*, int) -> ssize_t { return errno = ENETDOWN, -1; },
    .make_queue = [] { return errno = ENETDOWN, -1; },
    .events = [](int, const FstackEvent*, int, FstackEvent*, int) { return errno = ENETDOWN, -1; },
    .system_control = [](const int*, unsigned, void*, size_t*, const void*,
                         size_t) { return errno = ENETDOWN, -1; },
    .traffic = [](FstackTraffic&) {},
};

Flow flow_of(Stream& stream) { return Flow(stream.remote_address(), stream.local_address()); }

bool enable(const FstackApi& api, int socket, int level, int option, int value = 1) {
  return api.set_option(socket, level, option, &value, sizeof(value)) == 0;
}

bool bind_source(const FstackApi& api, int socket, const Address& source, bool transparent) {
  if (transparent && source.family() == Family::ipv6 &&
      !enable(api, socket, IPPROTO_IPV6, IPV6_TRANSPARENT)) {
    return false;
  }
  if (transparent && source.family() == Family::ipv4 &&
      !enable(api, socket, IPPROTO_IP, IP_TRANSPARENT)) {
    return false;
  }
  return api.bind(socket, source.data(), source.size()) == 0;
}

bool start_connecting(const FstackApi& api, int socket, const Address& peer,
                      const ConnectOptions& options) {
  if (api.set_non_blocking(socket) < 0) return false;
  if (options.keepalive) enable(api, socket, SOL_SOCKET, SO_KEEPALIVE);
  if (options.receive_buffer) enable(api, socket, SOL_SOCKET, SO_RCVBUF, options.receive_buffer);
  if (options.send_buffer) enable(api, socket, SOL_SOCKET, SO_SNDBUF, options.send_buffer);
  if (options.bind && !bind_source(api, socket, *options.bind, options.transparent)) return false;
  return api.connect(socket, peer.data(), peer.size()) == 0 || errno == EINPROGRESS;
}

}  // namespace

std::unique_ptr<FstackStack> FstackStack::create(const FstackApi& api, const Settings& settings) {
  std::unique_ptr<KernelStack> kernel = KernelStack::create();
  int queue = kernel ? api.make_queue() : -1;
  if (queue < 0) return nullptr;
  return std::make_unique<FstackStack>(api, queue, std::move(kernel), settings);
}

FstackStack::FstackStack(const FstackApi& api, int queue, std::unique_ptr<KernelStack> kernel,
                         const Settings& settings)
    : Stack(kernel->shared_turn()),
      api_(&api),
      queue_(queue),
      kernel_(std::move(kernel)),
      settings_(settings) {}

FstackStack::~FstackStack() { api_->close(queue_); }

// --- Sockets ---

std::unique_ptr<Listener> FstackStack::listen(const ListenSocket& socket,
                                              Listener::Acceptor& acceptor) {
  if (socket.on_kernel || !socket.address.is_ip()) return kernel_->listen(socket, acceptor);
  return FstackListener::open(*this, socket, acceptor);
}

StreamPtr FstackStack::connect(const Address& peer, const ConnectOptions& options,
                               Stream::Consumer& consumer, int& error) {
  if (options.on_kernel || !peer.is_ip() || peer.is_loopback()) {
    return kernel_->connect(peer, options, consumer, error);
  }
  int socket = api_->socket(peer.data()->sa_family, SOCK_STREAM, 0);
  StreamPtr stream;
  if (socket >= 0) {
    if (start_connecting(*api_, socket, peer, options)) {
      stream = adopt(socket, peer, true);
    } else {
      int failure = errno;
      api_->close(socket);
      errno = failure;
    }
  }
  error = stream ? 0 : errno;
  if (stream) stream->set_consumer(consumer);
  return stream;
}

void FstackStack::listens_on(const Address& address) {
  if (settings_.director) settings_.director->listen_on(address.port());
}

void FstackStack::opened(FstackStream& stream) {
  FlowDirector* director = settings_.director.get();
  if (director && director->retired()) director->keep(flow_of(stream));
}

/// The peer may be waiting still for what it has sent: others mustn't answer for it.
void FstackStack::closing(FstackStream& stream) {
  FlowDirector* director = settings_.director.get();
  if (director && director->leaving()) director->keep(flow_of(stream));
}

void FstackStack::retire() {
  FlowDirector* director = settings_.director.get();
  if (!director || director->retired() || !director->leaving()) return;
  director->publish([this](auto keep) {
    for (FstackStream& stream : open_streams_) keep(flow_of(stream));
  });
}

void FstackStack::stops_listening() {
  retire();
  FlowDirector* director = settings_.director.get();
  if (director && director->retired()) director->become_deaf();
}

/// Takes the socket over, whatever comes of it.
StreamPtr FstackStack::adopt(int socket, const Address& peer, bool connecting) {
  auto stream = std::make_unique<FstackStream>(*this, socket, peer, connecting);
  if (!watch_reading(socket, *stream, FstackEvent::clear) ||
      (connecting && !await_room(socket, *stream))) {
    int error = errno;
    api_->close(socket);
    errno = error;
    return nullptr;
  }
  opened(*stream);
  return StreamPtr(stream.release());
}

std::unique_ptr<DatagramSocket> FstackStack::open_datagrams(const ListenSocket& socket,
                                                            DatagramSocket::Consumer& consumer) {
  if (socket.on_kernel) return kernel_->open_datagrams(socket, consumer);
  return FstackDatagrams::open(*this, socket, settings_.addresses, consumer);
}

void FstackStack::watch(int descriptor, void (*on_ready)(void*), void* context) {
  kernel_->watch(descriptor, on_ready, context);
}

std::span<char> FstackStack::datagram_buffer() {
  return {turn_->read_buffer(), SocketStream::max_read};
}

std::span<char> FstackStack::file_buffer() {
  if (!file_buffer_) file_buffer_ = std::make_unique_for_overwrite<char[]>(file_buffer_size);
  return {file_buffer_.get(), file_buffer_size};
}

// --- Events ---

bool FstackStack::change(int socket, int16_t filter, uint16_t flags, FstackSource* source) {
  FstackEvent event = {};
  event.ident = static_cast<uintptr_t>(socket);
  event.filter = filter;
  event.flags = flags;
  event.source = source;
  return api_->events(queue_, &event, 1, nullptr, 0) >= 0;
}

bool FstackStack::watch_reading(int socket, FstackSource& source, uint16_t flags) {
  return change(socket, FstackEvent::filter_read, FstackEvent::add | flags, &source);
}

void FstackStack::unwatch_reading(int socket, FstackSource& source) {
  change(socket, FstackEvent::filter_read, FstackEvent::remove, &source);
  for (FstackEvent& event : batch_) {
    if (event.source == &source) event.source = nullptr;
  }
}

bool FstackStack::await_room(int socket, FstackSource& source) {
  return change(socket, FstackEvent::filter_write, FstackEvent::add | FstackEvent::once, &source);
}

/// Streams are freed at the turn's end only, so that an event of this batch may name one that an
/// earlier event has closed.
bool FstackStack::handle_events() {
  FstackEvent events[batch_size];
  int count = api_->events(queue_, nullptr, 0, events, batch_size);
  batch_ = {events, static_cast<size_t>(std::max(count, 0))};
  while (!batch_.empty()) {
    FstackEvent event = batch_.front();
    batch_ = batch_.subspan(1);
    if (event.source) static_cast<FstackSource*>(event.source)->on_event(event);
    turn_->flush();
  }
  return count > 0;
}

FstackTraffic FstackStack::traffic() const {
  FstackTraffic now = {};
  api_->traffic(now);
  return now;
}

bool FstackStack::traffic_has_moved() {
  FstackTraffic now = traffic();
  bool moved = now.received_packets != traffic_.received_packets ||
               now.sent_packets != traffic_.sent_packets;
  traffic_ = now;
  return moved;
}

// --- Turns ---

void FstackStack::take_turn() {
  turn_->begin();
  turn_->flush();
  bool events = handle_events();
  bool quiet = !events && !traffic_has_moved() && turn_->idle();
  turns_++;
  all_idle_turns_ += quiet;
  if (settings_.director && settings_.director->update(timers().now())) retire();
  poll_kernel(quiet);
  turn_->finish();
}

/// In the shadow of F-Stack's events: a system call per busy turn would cost more than it brings.
/// A turn without work waits for the kernel's events, so that those cost no delay at all.
void FstackStack::poll_kernel(bool quiet) {
  idle_turns_ = quiet ? idle_turns_ + 1 : 0;
  if (!quiet && ++turns_since_kernel_ < turns_between_kernel_polls) return;
  int64_t wait_us = 0;
  uint32_t sleep_us = settings_.idle_sleep_us;
  if (settings_.director && !settings_.director->serves()) {
    sleep_us = std::max(sleep_us, retired_sleep_us);
  }
  if (sleep_us && idle_turns_ > turns_before_sleep && ending_ == Ending::no) {
    int64_t timer_ms = timers().next_timeout();
    wait_us = sleep_us;
    if (timer_ms >= 0) wait_us = std::min(wait_us, timer_ms * 1000);
  }
  bool found = kernel_->poll_for(wait_us) > 0;
  turns_since_kernel_ = found ? turns_between_kernel_polls : 0;
  if (found) idle_turns_ = 0;
}

void FstackStack::run() {
  api_->run(
      [](void* self) {
        auto& stack = *static_cast<FstackStack*>(self);
        stack.take_turn();
        if (stack.ending_ != Ending::no) stack.approach_end();
        return 0;
      },
      this);
  api_ = &ended;
}

void FstackStack::stop() {
  if (ending_ != Ending::saying_goodbye) ending_ = Ending::now;
}

void FstackStack::stop_when_delivered() {
  if (ending_ != Ending::no) return;
  ending_ = Ending::when_delivered;
  end_at_ = timers().now() + delivery_ms;
}

/// The kernel goes on sending for a process that has ended, and closes what it left open; F-Stack
/// ends with it.
void FstackStack::approach_end() {
  bool time_is_up = timers().now() >= end_at_;
  switch (ending_) {
    case Ending::no:
      return;
    case Ending::when_delivered:
      if (!time_is_up && !(idle_turns_ > turns_before_sleep && delivered())) return;
      [[fallthrough]];
    case Ending::now:
      while (!open_streams_.empty()) open_streams_.pop_front().close_socket();
      ending_ = Ending::saying_goodbye;
      end_at_ = timers().now() + goodbye_ms;
      return;
    case Ending::saying_goodbye:
      if (time_is_up) api_->stop();
  }
}

bool FstackStack::delivered() const {
  std::optional<TcpStates> states = TcpStates::read(*api_);
  return !states || states->closing_with_unacknowledged() == 0;
}

}  // namespace sluice::net
