#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <utility>

#include "base/file.h"
#include "base/spsc_ring.h"

namespace sluice {

/// What one other thread wants of this one: items wait in a ring, and an eventfd says that there
/// are some.
template <typename Item, size_t capacity>
class Mailbox {
 public:
  Mailbox() : bell_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}
  /// False where the process has no descriptor left.
  explicit operator bool() const { return bool(bell_); }

  /// From the other thread. A full ring means that this thread is far behind: it is waited for,
  /// since nothing may be lost.
  void post(Item item) {
    while (!items_.push(std::move(item))) ::usleep(1000);
    if (rung_.exchange(true)) return;
    uint64_t one = 1;
    [[maybe_unused]] ssize_t written = ::write(bell_.get(), &one, sizeof one);
  }

  /// Written to when there are items; nobody has to read it.
  int descriptor() const { return bell_.get(); }
  /// Calls `take(item)` for each that is there.
  template <typename Take>
  void take_all(Take take) {
    rung_ = false;  // before looking: what comes from now on rings again
    for (Item item; items_.pop(item);) take(item);
  }

 private:
  SpscRing<Item, capacity> items_;
  Descriptor bell_;
  std::atomic<bool> rung_{false};
};

}  // namespace sluice
