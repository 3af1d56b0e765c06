#pragma once

#include <sys/epoll.h>

#include <memory>
#include <span>
#include <vector>

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
  /// With the thread's timer wheel; belongs to the thread that makes it, and outlives its streams.
  /// SIGPIPE is blocked on it: sendfile() and splice() know no MSG_NOSIGNAL. Null when epoll isn't
  /// to be had (errno).
  static std::unique_ptr<KernelStack> create();
  /// Over an epoll descriptor.
  explicit KernelStack(Descriptor epoll);
  ~KernelStack() override;

  std::unique_ptr<Listener> listen(int descriptor, Listener::Acceptor& acceptor) override;
  StreamPtr connect(const Address& peer, const ConnectOptions& options, Stream::Consumer& consumer,
                    int& error) override;
  std::unique_ptr<DatagramSocket> open_datagrams(int descriptor,
                                                 DatagramSocket::Consumer& consumer) override;
  void watch(int descriptor, void (*on_ready)(void*), void* context) override;
  void observe_turns(TurnObserver& observer) override { observers_.push_back(&observer); }
  void forget_turns(TurnObserver& observer) override { std::erase(observers_, &observer); }
  void flush() override { flush_dirty(); }
  void settle_later(Layer& layer) override;
  void visit_later(Layer& layer) override;
  void bury(std::unique_ptr<Layer> layer) override;
  TimerWheel& timers() override { return timers_; }
  void run() override;
  void stop() override { stopped_ = true; }

  /// A stream of its own over a connected, non-blocking socket, which it takes over. Null when
  /// epoll refuses it (errno).
  StreamPtr adopt(Descriptor socket, const Address& peer);

 private:
  friend class KernelStream;
  friend class KernelListener;
  friend class KernelDatagrams;
  class Watch;

  StreamPtr register_stream(Descriptor socket, const Address& peer, bool connecting);
  bool add(int descriptor, uint32_t events, EventSource& source);
  void remove(int descriptor, EventSource& source);
  void turn();
  void flush_dirty();
  void visit_waiting();
  void bury_closed();

  static constexpr size_t batch_size = 512;

  Descriptor epoll_;
  TimerWheel timers_;
  std::unique_ptr<char[]> read_buffer_;
  IntrusiveList<KernelStream, struct ToFlush>
      dirty_;  ///< with bytes to send, or an error to report
  IntrusiveList<KernelStream, struct ToVisit>
      waiting_;  ///< with work that no new event will announce
  /// Freed at the turn's end: events of this batch, and callers further up, may still name them.
  IntrusiveList<KernelStream, struct ToVisit> closed_;
  IntrusiveList<Layer, struct LayersToSettle> unsettled_layers_;
  IntrusiveList<Layer, struct LayersToVisit> waiting_layers_;
  std::vector<std::unique_ptr<Layer>> closed_layers_;
  std::vector<std::unique_ptr<Watch>> watches_;
  std::vector<TurnObserver*> observers_;
  std::span<epoll_event> batch_;  ///< the events of this turn that are still to be handled
  bool stopped_ = false;
};

}  // namespace sluice::net
