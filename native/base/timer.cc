#include "base/timer.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <climits>

namespace sluice {
namespace {

thread_local TimerWheel* wheel_of_thread = nullptr;

constexpr uint64_t span_mask = (1u << 24) - 1;

}  // namespace

void Timer::set(uint64_t milliseconds) {
  constexpr uint64_t longest = uint64_t{1} << 39;  // 17 years
  TimerWheel& wheel = TimerWheel::of_thread();
  if (milliseconds > longest) milliseconds = longest;
  uint64_t deadline = wheel.now() + (milliseconds ? milliseconds : 1);
  if (linked_from_) {
    // The wheel looks at the timer early enough: it will see the new deadline then.
    uint64_t look = wheel.looked_ + ((placed_ - wheel.looked_) & span_mask);
    if (deadline >= look) {
      deadline_ = deadline;
      return;
    }
    unlink();
  }
  deadline_ = deadline;
  wheel.place(*this, deadline);
}

uint64_t Timer::remaining() const {
  if (!active()) return 0;
  uint64_t now = TimerWheel::of_thread().now();
  return deadline_ > now ? deadline_ - now : 0;
}

void Timer::unlink() {
  *linked_from_ = next_;
  if (next_) next_->linked_from_ = linked_from_;
  linked_from_ = nullptr;
  next_ = nullptr;
}

TimerWheel::TimerWheel(uint64_t now) : now_(now), looked_(now), previous_(wheel_of_thread) {
  wheel_of_thread = this;
}

TimerWheel::~TimerWheel() {
  for (auto& level : slot_) {
    for (Timer*& first : level) {
      while (Timer* timer = first) {
        timer->cancel();
        timer->unlink();
      }
    }
  }
  wheel_of_thread = previous_;
}

TimerWheel& TimerWheel::of_thread() {
  assert(wheel_of_thread);
  return *wheel_of_thread;
}

/// Puts the timer where it is looked at last before its deadline: level n's slots are 64^n ms wide.
void TimerWheel::place(Timer& timer, uint64_t at) {
  uint64_t distance = at - looked_;
  if (distance > span_mask) {
    distance = span_mask;
    at = looked_ + distance;
  }
  int level = distance < slots ? 0 : (std::bit_width(distance) - 1) / bits;
  int slot = (at >> (level * bits)) & (slots - 1);
  uint64_t look = at >> (level * bits) << (level * bits);

  Timer** list = &slot_[level][slot];
  timer.placed_ = look & span_mask;
  timer.next_ = *list;
  if (timer.next_) timer.next_->linked_from_ = &timer.next_;
  timer.linked_from_ = list;
  *list = &timer;
  occupied_[level] |= uint64_t{1} << slot;
}

void TimerWheel::empty_slot(int level, int slot) {
  occupied_[level] &= ~(uint64_t{1} << slot);
  // Onto a list of its own: what fires may set timers again, into this very slot.
  Timer* due = slot_[level][slot];
  slot_[level][slot] = nullptr;
  if (due) due->linked_from_ = &due;
  while (Timer* timer = due) {
    timer->unlink();
    if (!timer->active()) continue;
    if (timer->deadline_ > now_) {
      place(*timer, timer->deadline_);
    } else {
      timer->cancel();
      timer->call_(timer->object_);
    }
  }
}

/// The next time at which a slot that may hold timers begins; UINT64_MAX without any.
uint64_t TimerWheel::next_look() const {
  uint64_t next = UINT64_MAX;
  for (int level = 0; level < levels; ++level) {
    if (!occupied_[level]) continue;
    int shift = level * bits;
    uint64_t current = looked_ >> shift;
    // Slots ahead of the current one, which itself comes last: it holds what is a whole turn away.
    int from = (current + 1) & (slots - 1);
    int ahead = std::countr_zero(std::rotr(occupied_[level], from)) + 1;
    uint64_t begin = (current + ahead) << shift;
    if (begin < next) next = begin;
  }
  return next;
}

void TimerWheel::advance() {
  for (uint64_t next = next_look(); next <= now_; next = next_look()) {
    looked_ = next;
    for (int level = 0; level < levels; ++level) {
      int shift = level * bits;
      if (next & ((uint64_t{1} << shift) - 1)) break;
      int slot = (next >> shift) & (slots - 1);
      if (occupied_[level] >> slot & 1) empty_slot(level, slot);
    }
  }
  looked_ = now_;
}

int TimerWheel::next_timeout() const {
  uint64_t next = next_look();
  if (next == UINT64_MAX) return -1;
  if (next <= now_) return 0;
  return static_cast<int>(std::min<uint64_t>(next - now_, INT_MAX));
}

}  // namespace sluice
