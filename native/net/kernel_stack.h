#pragma once

#include <sys/epoll.h>

#include <memory>
#include <span>
#include <vector>

#include "base/file.h"
#include "net/stack.h"

namespace sluice::net {

/// Whoever has a descriptor in the epoll set.
class EventSource {
 public:
  virtual void on_events(uint32_t events) = 0;

 protected:
  ~EventSource() = default;
};

/// The Stack over the kernel's sockets: edge-triggered epoll. A socket is registered once, for
/// everything, and never again.
class KernelStack final : public Stack {
 public:
  /// With the thread's timer wheel; belongs to the thread that makes it, and outlives its streams.
  /// SIGPIPE is blocked on it: sendfile() and splice() know no MSG_NOSIGNAL. Null when epoll isn't
  /// to be had (errno).
  static std::unique_ptr<KernelStack> create();
  /// Over an epoll descriptor.
  explicit KernelStack(Descriptor epoll);
  ~KernelStack() override;

  std::unique_ptr<Listener> listen(const ListenSocket& socket,
                                   Listener::Acceptor& acceptor) override;
  StreamPtr connect(const Address& peer, const ConnectOptions& options, Stream::Consumer& consumer,
                    int& error) override;
  std::unique_ptr<DatagramSocket> open_datagrams(const ListenSocket& socket,
                                                 DatagramSocket::Consumer& consumer) override;
  void watch(int descriptor, void (*on_ready)(void*), void* context) override;
  void run() override;
  void stop() override { stopped_ = true; }

  /// Handles what events there are, waiting for them up to `wait_us` µs: for another stack's turn.
  /// Returns how many there were.
  int poll_for(int64_t wait_us);
  const std::shared_ptr<Turn>& shared_turn() const { return turn_; }

  /// A stream of its own over a connected, non-blocking socket, which it takes over. Null when
  /// epoll refuses it (errno). `no_delay`: it has TCP_NODELAY.
  StreamPtr adopt(Descriptor socket, const Address& peer, bool no_delay = false);

 private:
  friend class KernelListener;
  friend class KernelDatagrams;
  class Watch;

  StreamPtr register_stream(Descriptor socket, const Address& peer, bool connecting, bool no_delay);
  bool add(int descriptor, uint32_t events, EventSource& source);
  void remove(int descriptor, EventSource& source);

  int handle(std::span<epoll_event> events);

  static constexpr size_t batch_size = 512;

  Descriptor epoll_;
  std::vector<std::unique_ptr<Watch>> watches_;
  std::span<epoll_event> batch_;  ///< the events of this turn that are still to be handled
  bool stopped_ = false;
};

}  // namespace sluice::net
