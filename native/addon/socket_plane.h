#pragma once

#include <napi.h>

#include <memory>
#include <string>
#include <thread>

#include "addon/fstack_thread.h"
#include "addon/inbox.h"
#include "sockets/socket_thread.h"

namespace sluice::addon {

/// F-Stack for who serves from JavaScript: the thread of its sockets, and the way between that and
/// JavaScript. One per process, as F-Stack is.
class SocketPlane {
 public:
  /// `on_news(news)`, an array, and `on_end()` are called on JavaScript's thread.
  SocketPlane(Napi::Env env, Napi::Function on_news, Napi::Function on_end);
  ~SocketPlane() { halt(); }
  SocketPlane(const SocketPlane&) = delete;
  SocketPlane& operator=(const SocketPlane&) = delete;

  /// False where the process has no descriptor left.
  bool start(std::shared_ptr<FstackThread> fstack);
  /// Ends the thread at once, and waits for it.
  void halt();
  /// Nothing happens once the thread has ended.
  void post(sockets::Order order);
  sockets::Totals totals() const;

 private:
  static void hand_over(void* self, const Napi::Function& on_news, sockets::Batch& batch);

  /// One batch is under way at a time.
  Inbox<sockets::Batch, 2> inbox_;
  std::shared_ptr<sockets::SocketThread> sockets_;
  std::thread thread_;
};

}  // namespace sluice::addon
