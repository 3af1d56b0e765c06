#pragma once

#include "base/timer.h"
#include "net/kernel_stack.h"

namespace sluice::net {

/// Accepts from a listening socket that this worker may share with others.
class KernelListener final : public Listener, public EventSource {
 public:
  KernelListener(KernelStack& stack, int descriptor, Acceptor& acceptor);
  ~KernelListener() override;

  void pause() override;
  void resume() override;
  void on_events(uint32_t events) override;

 private:
  static constexpr uint64_t retry_ms = 500;
  /// As many at most before other events get their turn.
  static constexpr int max_batch = 16;

  void start();
  void stop();
  void fail(int error);
  bool accept_one();

  KernelStack& stack_;
  Acceptor& acceptor_;
  Timer retry_;
  int descriptor_;
  bool paused_ = false;
  bool watching_ = false;
  bool* gone_ = nullptr;  ///< tells on_events() that an acceptor has destroyed the listener
};

}  // namespace sluice::net
