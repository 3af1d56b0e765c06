#include "net/socket_listener.h"

#include <algorithm>

namespace sluice::net {

SocketListener::SocketListener(Acceptor& acceptor) : acceptor_(acceptor) {
  retry_.bind<&SocketListener::start>(this);
}

SocketListener::~SocketListener() {
  if (gone_) *gone_ = true;
}

void SocketListener::pause() {
  paused_ = true;
  stop();
}

void SocketListener::resume() {
  paused_ = false;
  if (!retry_.active()) start();
}

void SocketListener::start() {
  if (paused_ || watching_) return;
  watching_ = watch();
  if (!watching_) retry_.set(retry_ms);
}

void SocketListener::stop() {
  if (watching_) unwatch();
  watching_ = false;
}

void SocketListener::fail(int error) {
  stop();
  retry_.set(retry_ms);
  acceptor_.on_accept_error(error);
}

void SocketListener::accept_batch() {
  bool gone = false;
  gone_ = &gone;
  bool more = true;
  for (int i = 0; i < batch_ && watching_ && more; ++i) {
    more = accept_one();
    if (gone) return;
  }
  gone_ = nullptr;
  adapt_batch(!more);
}

// A call in vain makes the kernel allocate a socket all the same. What is left behind is announced
// again in the next turn, so the batch begins with one and grows while more keep coming.
void SocketListener::adapt_batch(bool emptied) {
  if (emptied) {
    batch_ = 1;
    filled_batches_ = 0;
  } else if (batch_ > 1 || ++filled_batches_ >= patience) {
    batch_ = std::min(batch_ * 2, max_batch);
  }
}

}  // namespace sluice::net
