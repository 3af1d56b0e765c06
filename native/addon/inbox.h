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
      : wake_(Wake::New(env, wakes(env), name, 0, 1)),
        handler_(Napi::Persistent(handler)),
        on_end_(Napi::Persistent(on_end)),
        hand_over_(hand_over),
        context_(context) {
    // It may outlive its environment, which frees what is left then.
    handler_.SuppressDestruct();
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
  // A function of ours as the library's parameter would do, but for GCC's sanitizers, which don't
  // know that its address isn't null.
  using Wake = Napi::TypedThreadSafeFunction<>;
  Napi::Function wakes(Napi::Env env) {
    return Napi::Function::New(env, [this](const Napi::CallbackInfo&) { deliver(); });
  }
  void deliver() {
    woken_ = false;
    const Napi::Function handler = handler_.Value();
    for (Message message; messages_.pop(message);) hand_over_(context_, handler, message);
    if (ended_ && !on_end_.IsEmpty()) {
      handler_.Reset();
      const Napi::FunctionReference on_end = std::move(on_end_);
      on_end.Call({});
    }
  }

  Wake wake_;
  Napi::FunctionReference handler_;
  Napi::FunctionReference on_end_;
  HandOver hand_over_;
  void* context_;
  SpscRing<Message, capacity> messages_;
  std::atomic<bool> woken_{false};
  std::atomic<bool> ended_{false};
};

}  // namespace sluice::addon
