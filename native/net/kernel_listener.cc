#include "net/kernel_listener.h"

#include <cerrno>

namespace sluice::net {

KernelListener::KernelListener(KernelStack& stack, int descriptor, Acceptor& acceptor)
    : stack_(stack), acceptor_(acceptor), descriptor_(descriptor) {
  retry_.bind<&KernelListener::start>(this);
  start();
}

KernelListener::~KernelListener() {
  stop();
  if (gone_) *gone_ = true;
}

void KernelListener::pause() {
  paused_ = true;
  stop();
}

void KernelListener::resume() {
  paused_ = false;
  if (!retry_.active()) start();
}

void KernelListener::start() {
  if (paused_ || watching_) return;
  // Level-triggered, so that what one batch leaves comes again; one worker is woken, not all.
  watching_ = stack_.add(descriptor_, EPOLLIN | EPOLLEXCLUSIVE, *this);
  if (!watching_) retry_.set(retry_ms);
}

void KernelListener::stop() {
  if (watching_) stack_.remove(descriptor_, *this);
  watching_ = false;
}

void KernelListener::fail(int error) {
  stop();
  retry_.set(retry_ms);
  acceptor_.on_accept_error(error);
}

void KernelListener::on_events(uint32_t) {
  bool gone = false;
  gone_ = &gone;
  for (int i = 0; i < max_batch && watching_; ++i) {
    bool more = accept_one();
    if (gone) return;
    if (!more) break;
  }
  gone_ = nullptr;
}

bool KernelListener::accept_one() {
  sockaddr_storage storage;
  socklen_t length = sizeof(storage);
  sockaddr* peer = reinterpret_cast<sockaddr*>(&storage);
  Descriptor socket(::accept4(descriptor_, peer, &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!socket) {
    switch (errno) {
      case EAGAIN:
        return false;
      case EINTR:
      case ECONNABORTED:  // given up by its peer while it was queued; so are the next (accept(2))
      case EPROTO:
      case EPERM:
        return true;
    }
    fail(errno);
    return false;
  }
  StreamPtr stream = stack_.adopt(std::move(socket), Address(peer, length));
  if (!stream) {
    fail(errno);
    return false;
  }
  acceptor_.on_accept(std::move(stream));
  return true;
}

}  // namespace sluice::net
