#include "net/socket_listener.h"

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
  for (int i = 0; i < max_batch && watching_; ++i) {
    bool more = accept_one();
    if (gone) return;
    if (!more) break;
  }
  gone_ = nullptr;
}

}  // namespace sluice::net
