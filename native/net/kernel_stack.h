#pragma once

#include <sys/epoll.h>

#include <memory>
#include <span>
#include <vector>

#include "base/block_pool.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/intrusive_list.h"
#include "base/timer.h"
#include "net/stack.h"

namespace sluice::net {

class KernelStream;

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
  /// Creates the thread's timer wheel; belongs to the thread that makes it. Null when epoll isn't
  /// to be had (errno).
  static std::unique_ptr<KernelStack> create();
  ~KernelStack() override;

  std::unique_ptr<Listener> listen(int descriptor, Listener::Acceptor& acceptor) override;
  StreamPtr connect(const Address& peer, const ConnectOptions& options, Stream::Consumer& consumer,
                    int& error) override;
  void watch(int descriptor, void (*on_ready)(void*), void* context) override;
  void observe_turns(TurnObserver& observer) override { observers_.push_back(&observer); }
  TimerWheel& timers() override { return timers_; }
  void run() override;
  void stop() override { stopped_ = true; }

  /// A stream of its own over a connected, non-blocking socket, which it takes over. Null when
  /// epoll refuses it (errno).
  StreamPtr adopt(Descriptor socket, const Address& peer);

 private:
  friend class KernelStream;
  friend class KernelListener;
  class Watch;

  explicit KernelStack(Descriptor epoll);
  bool add(int descriptor, uint32_t events, EventSource& source);
  void turn();
  void flush_dirty();
  void run_ready();
  void bury();

  Descriptor epoll_;
  TimerWheel timers_;
  std::unique_ptr<char[]> read_buffer_;
  IntrusiveList<KernelStream, struct DirtyList>
      dirty_;  ///< have something to send, or a failure to report
  IntrusiveList<KernelStream, struct ReadyList>
      ready_;  ///< have something to read without a new event
  IntrusiveList<KernelStream, struct StreamList> streams_;
  IntrusiveList<KernelStream, struct StreamList>
      closed_;  ///< freed at the turn's end: events of this batch may name them
  std::vector<std::unique_ptr<Watch>> watches_;
  std::vector<TurnObserver*> observers_;
  bool stopped_ = false;
};

}  // namespace sluice::net
