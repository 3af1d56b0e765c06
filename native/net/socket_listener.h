#pragma once

#include "base/timer.h"
#include "net/stack.h"

namespace sluice::net {

/// A listening socket that its stack announces level-triggered: all of a Listener but the calls to
/// the socket itself, which each stack has of its own.
class SocketListener : public Listener {
 public:
  ~SocketListener() override;

  void pause() override;
  void resume() override;

 protected:
  explicit SocketListener(Acceptor& acceptor);

  void start();
  void stop();
  /// There are connections: accepts a batch of them. The listener may be gone afterwards.
  void accept_batch();
  /// accept() failed: says so, and tries again after a while.
  void fail(int error);

  Acceptor& acceptor_;

 private:
  static constexpr uint64_t retry_ms = 500;
  /// As many at most before other events get their turn.
  static constexpr int max_batch = 16;
  /// So many batches without a call in vain, and a larger one is tried.
  static constexpr int patience = 16;

  // The socket's own calls.
  virtual bool watch() = 0;
  virtual void unwatch() = 0;
  /// False: there is none, or fail() was called.
  virtual bool accept_one() = 0;

  void adapt_batch(bool emptied);

  Timer retry_;
  int batch_ = 1;
  int filled_batches_ = 0;  ///< of that size, in a row
  bool paused_ = false;
  bool watching_ = false;
  bool* gone_ = nullptr;  ///< tells accept_batch() that an acceptor has destroyed the listener
};

}  // namespace sluice::net
