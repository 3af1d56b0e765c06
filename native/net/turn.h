#pragma once

#include <memory>
#include <vector>

#include "base/intrusive_list.h"
#include "base/timer.h"

namespace sluice::net {

class SocketStream;

/// A stream over another one (TLS) takes part in the turn as the stack's own streams do.
class Layer : public ListHook<struct LayersToSettle>, public ListHook<struct LayersToVisit> {
 public:
  virtual ~Layer() = default;
  /// The event is over: what was held back goes to the stream below. Calls no consumer.
  virtual void settle() = 0;
  /// Work that no event announces.
  virtual void visit() = 0;
};

/// One round of a data thread's loop, whichever stacks bring the events: what streams have queued
/// leaves after each event, work that no event announces is done near the turn's end, and what was
/// closed is freed when nobody further up the call stack can still name it.
class Turn {
 public:
  Turn();
  ~Turn();

  /// After the events of each turn were handled, before waiting again (log batches, coalesced
  /// output).
  class Observer {
   public:
    virtual void on_turn_end() = 0;

   protected:
    ~Observer() = default;
  };
  void observe(Observer& observer) { observers_.push_back(&observer); }
  void forget(Observer& observer) { std::erase(observers_, &observer); }

  /// Has settle() called before anything is sent.
  void settle_later(Layer& layer);
  void settle_later(SocketStream& stream);
  /// The same within a tenth of a second, unless the stream has to be settled earlier.
  void settle_unhurried(SocketStream& stream);
  /// Has visit() called near the turn's end, or in the next.
  void visit_later(Layer& layer);
  void visit_later(SocketStream& stream);
  /// Destroyed at the turn's end; none of its functions is called any more.
  void bury(std::unique_ptr<Layer> layer);
  void bury(SocketStream& stream);

  /// Sends what any stream has queued, and copies borrowed bytes that remain. Calls no consumer.
  void flush() {
    if (!unsettled_layers_.empty() || !dirty_.empty()) settle();
  }
  /// Nothing waits but for events and time.
  bool idle() const { return waiting_.empty() && waiting_layers_.empty(); }
  /// Reads the clock: before events are handled.
  void begin();
  /// After the events: timers, visits, observers, burials.
  void finish();

  TimerWheel& timers() { return timers_; }
  /// What any stream reads into; its bytes are nobody's after the next flush().
  char* read_buffer() { return read_buffer_.get(); }

 private:
  void settle();
  void hurry();
  void visit_waiting();
  void bury_closed();

  TimerWheel timers_;
  std::unique_ptr<char[]> read_buffer_;
  IntrusiveList<SocketStream, struct ToFlush>
      dirty_;  ///< with bytes to send, or an error to report
  IntrusiveList<SocketStream, struct ToFlush> unhurried_;
  Timer hurry_;  ///< they have waited long enough
  IntrusiveList<SocketStream, struct ToVisit> waiting_;
  /// Freed at the turn's end: events of this batch, and callers further up, may still name them.
  IntrusiveList<SocketStream, struct ToVisit> closed_;
  IntrusiveList<Layer, struct LayersToSettle> unsettled_layers_;
  IntrusiveList<Layer, struct LayersToVisit> waiting_layers_;
  std::vector<std::unique_ptr<Layer>> closed_layers_;
  std::vector<Observer*> observers_;
};

}  // namespace sluice::net
