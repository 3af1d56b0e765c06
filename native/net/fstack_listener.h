#pragma once

#include "net/fstack_stack.h"
#include "net/socket_listener.h"

namespace sluice::net {

/// A listening socket of F-Stack: this worker's own, for each has a stack of its own.
class FstackListener final : public SocketListener, public FstackSource {
 public:
  /// Null with errno set when the socket can't be opened.
  static std::unique_ptr<FstackListener> open(FstackStack& stack, const ListenSocket& socket,
                                              Acceptor& acceptor);
  FstackListener(FstackStack& stack, int socket, Acceptor& acceptor);
  ~FstackListener() override;

  void on_event(const FstackEvent&) override { accept_batch(); }

 private:
  // Level-triggered, so that what one batch leaves comes again.
  bool watch() override { return stack_.watch_reading(socket_, *this, 0); }
  void unwatch() override { stack_.unwatch_reading(socket_, *this); }
  bool accept_one() override;

  FstackStack& stack_;
  int socket_;
};

}  // namespace sluice::net
