#pragma once

#include <cstdint>

namespace sluice {

class TimerWheel;

/// Calls a method once, at or after a deadline. Belongs to the thread whose wheel it was set on,
/// and must not move while it is set. Time counts from the start of the turn (the wheel's now), in
/// milliseconds.
class Timer {
 public:
  Timer() = default;
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer() {
    if (linked_from_) unlink();
  }

  /// `timer.bind<&Connection::on_timeout>(this)`. The call happens with the timer no longer set, so
  /// it may set or destroy it.
  template <auto method, typename T>
  void bind(T* object) {
    object_ = object;
    call_ = [](void* target) { (static_cast<T*>(target)->*method)(); };
  }

  /// Sets or moves the deadline to `milliseconds` from now (at least the next tick). Moving it
  /// later costs one store, and so does cancelling: the wheel forgets the timer when it looks.
  void set(uint64_t milliseconds);
  void cancel() { deadline_ = never; }
  bool active() const { return deadline_ != never; }
  /// Milliseconds until it fires; 0 when it is not set or due.
  uint64_t remaining() const;

 private:
  friend class TimerWheel;
  static constexpr uint64_t never = (uint64_t{1} << 40) - 1;
  void unlink();

  Timer* next_ = nullptr;
  Timer** linked_from_ = nullptr;
  void (*call_)(void*) = nullptr;
  void* object_ = nullptr;
  uint64_t deadline_ : 40 = never;  ///< when to fire, monotonic ms
  uint64_t placed_ : 24 = 0;        ///< when the wheel looks at it, modulo the wheel's span
};
static_assert(sizeof(Timer) <= 40);

/// A hierarchical timing wheel (Varghese and Lauck): 4 levels of 64 slots, one tick a millisecond.
/// Timers beyond its span of 4.6 hours wait in the furthest slot and are placed again. One per
/// thread.
class TimerWheel {
 public:
  /// Becomes this thread's wheel.
  explicit TimerWheel(uint64_t now);
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;
  ~TimerWheel();

  /// The wheel that Timer::set() uses on this thread.
  static TimerWheel& of_thread();

  /// Says what time it is (monotonic ms, never less than before): before the events of a turn are
  /// handled, so that timers set then count from it.
  void update(uint64_t now) { now_ = now; }
  /// Fires all that is due.
  void advance();
  /// Milliseconds until the wheel wants to be advanced; -1 when no timer is set. As epoll_wait()
  /// takes it.
  int next_timeout() const;
  uint64_t now() const { return now_; }

 private:
  friend class Timer;
  static constexpr int levels = 4;
  static constexpr int bits = 6;
  static constexpr int slots = 1 << bits;

  void place(Timer& timer, uint64_t at);
  void empty_slot(int level, int slot);
  uint64_t next_look() const;

  uint64_t now_;
  uint64_t looked_;                 ///< the slots up to this time are done with
  uint64_t occupied_[levels] = {};  ///< a bit per slot; may be set for a slot that has become empty
  Timer* slot_[levels][slots] = {};
  TimerWheel* previous_;
};

}  // namespace sluice
