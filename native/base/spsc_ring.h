#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <utility>

namespace sluice {

/// A bounded queue between one producer thread and one consumer thread, without locks.
template <typename Item, size_t capacity>
class SpscRing {
  static_assert((capacity & (capacity - 1)) == 0, "positions wrap by a mask");

 public:
  /// Producer: false when the ring is full; `item` is then untouched.
  bool push(Item&& item) {
    const size_t tail = tail_.load(std::memory_order_relaxed);
    if (tail - head_.load(std::memory_order_acquire) == capacity) return false;
    items_[tail & (capacity - 1)] = std::move(item);
    tail_.store(tail + 1, std::memory_order_release);
    return true;
  }

  /// Consumer: false when the ring is empty; `item` is then untouched.
  bool pop(Item& item) {
    const size_t head = head_.load(std::memory_order_relaxed);
    if (head == tail_.load(std::memory_order_acquire)) return false;
    item = std::move(items_[head & (capacity - 1)]);
    head_.store(head + 1, std::memory_order_release);
    return true;
  }

 private:
  static constexpr size_t cache_line = 64;

  // Apart, so that the two threads do not take each other's line away at every step.
  alignas(cache_line) std::atomic<size_t> head_{0};
  alignas(cache_line) std::atomic<size_t> tail_{0};
  alignas(cache_line) std::array<Item, capacity> items_{};
};

}  // namespace sluice
