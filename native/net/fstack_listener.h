#pragma once

#include "base/timer.h"
#include "net/fstack_stack.h"

namespace sluice::net {

/// A listening socket of F-Stack: this worker's own, for each has a stack of its own.
class FstackListener final : public Listener, public FstackSource {
 public:
  /// Null with errno set when the socket can't be opened.
  static std::unique_ptr<FstackListener> open(FstackStack& stack, const ListenSocket& socket,
                                              Acceptor& acceptor);
  FstackListener(FstackStack& stack, int socket, Acceptor& acceptor);
  ~FstackListener() override;

  void pause() override;
  void resume() override;
  void on_event(const FstackEvent& event) override;

 private:
  static constexpr uint64_t retry_ms = 500;
  /// As many at most before other events get their turn.
  static constexpr int max_batch = 16;

  void start();
  void stop();
  bool accept_one();

  FstackStack& stack_;
  Acceptor& acceptor_;
  Timer retry_;
  int socket_;
  bool paused_ = false;
  bool watching_ = false;
  bool* gone_ = nullptr;  ///< tells on_event() that an acceptor has destroyed the listener
};

}  // namespace sluice::net
