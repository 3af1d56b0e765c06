#include "net/kernel_listener.h"

#include <netinet/tcp.h>

#include <cerrno>

namespace sluice::net {

namespace {

/// Connections have it from the socket that they were accepted from, for one call in place of one
/// each. Another configuration may have set it otherwise.
bool set_no_delay(const ListenSocket& socket) {
  int value = socket.no_delay;
  return ::setsockopt(socket.descriptor, IPPROTO_TCP, TCP_NODELAY, &value, sizeof value) == 0 &&
         socket.no_delay;
}

}  // namespace

KernelListener::KernelListener(KernelStack& stack, const ListenSocket& socket, Acceptor& acceptor)
    : SocketListener(acceptor),
      stack_(stack),
      descriptor_(socket.descriptor),
      no_delay_(set_no_delay(socket)) {
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
  StreamPtr stream = stack_.adopt(std::move(socket), Address(peer, length), no_delay_);
  if (!stream) {
    fail(errno);
    return false;
  }
  acceptor_.on_accept(std::move(stream));
  return true;
}

}  // namespace sluice::net
