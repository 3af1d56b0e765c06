#include "net/kernel_listener.h"

#include <cerrno>

namespace sluice::net {

KernelListener::KernelListener(KernelStack& stack, int descriptor, Acceptor& acceptor)
    : SocketListener(acceptor), stack_(stack), descriptor_(descriptor) {
  start();
}

// Level-triggered, so that what one batch leaves comes again; one worker is woken, not all.
bool KernelListener::watch() { return stack_.add(descriptor_, EPOLLIN | EPOLLEXCLUSIVE, *this); }

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
