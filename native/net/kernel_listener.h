#pragma once

#include "net/kernel_stack.h"
#include "net/socket_listener.h"

namespace sluice::net {

/// Accepts from a listening socket that this worker may share with others.
class KernelListener final : public SocketListener, public EventSource {
 public:
  KernelListener(KernelStack& stack, const ListenSocket& socket, Acceptor& acceptor);
  ~KernelListener() override { stop(); }

  void on_events(uint32_t) override { accept_batch(); }

 private:
  bool watch() override;
  void unwatch() override { stack_.remove(descriptor_, *this); }
  bool accept_one() override;

  KernelStack& stack_;
  int descriptor_;
  bool no_delay_;  ///< what it accepts has TCP_NODELAY
};

}  // namespace sluice::net
