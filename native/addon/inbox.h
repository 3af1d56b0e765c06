#pragma once

#include <napi.h>

#include <atomic>
#include <utility>

#include "base/spsc_ring.h"

namespace sluice::addon {

/// What a thread of ours has to say to JavaScript: messages wait in a ring, and one call wakes
/// JavaScript for all that are there.
template <typename Message, size_t capacity>
class Inbox {
 public:
  /// Calls `handler` with what the message says.
  using HandOver = void (*)(void* context, const Napi::Function& handler, Message& message);

  /// `handler`, and when the thread has ended `on_end`, are called on JavaScript's thread, which
  /// lives as long.
  Inbox(Napi::Env env, const char* name, Napi::Function handler, Napi::Function on_end,
        HandOver hand_over, void* context)
      : wake_(Wake::New(env, handler, name, 0, 1, this)),
        on_end_(Napi::Persistent(on_end)),
        hand_over_(hand_over),
        context_(context) {
    // It may outlive its environment, which frees what is left then.
    on_end_.SuppressDestruct();
  }

  /// From the thread; false when the ring is full. Whoever finds the flag clear wakes: messages
  /// that follow before JavaScript runs ride along.
  bool push(Message&& message) {
    const bool room = messages_.push(std::move(message));
    if (room && !woken_.exchange(true)) wake_.NonBlockingCall();
    return room;
  }

  /// From the thread: nothing follows.
  void end() {
    ended_ = true;
    wake_.NonBlockingCall();
    wake_.Release();
  }

 private:
  static void deliver(Napi::Env env, Napi::Function handler, Inbox* self, void*) {
    if (env == nullptr) return;  // the environment is going away: nobody left to tell
    self->woken_ = false;
    for (Message message; self->messages_.pop(message);) {
      self->hand_over_(self->context_, handler, message);
    }
    if (self->ended_ && !self->on_end_.IsEmpty()) {
      const Napi::FunctionReference on_end = std::move(self->on_end_);
      on_end.Call({});
    }
  }
  using Wake = Napi::TypedThreadSafeFunction<Inbox, void, deliver>;

  Wake wake_;
  Napi::FunctionReference on_end_;
  HandOver hand_over_;
  void* context_;
  SpscRing<Message, capacity> messages_;
  std::atomic<bool> woken_{false};
  std::atomic<bool> ended_{false};
};

}  // namespace sluice::addon
