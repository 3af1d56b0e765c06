#include "net/fstack_listener.h"

#include <netinet/tcp.h>

#include <cerrno>

namespace sluice::net {
namespace {

bool set(const FstackApi& api, int socket, int level, int option, int value) {
  return api.set_option(socket, level, option, &value, sizeof(value)) == 0;
}

/// Options of a listening socket are its connections' too. What FreeBSD doesn't know (a queue for
/// TCP_FASTOPEN, TCP_DEFER_ACCEPT) is left out: -t says so.
bool set_up(const FstackApi& api, int socket, const ListenSocket& options) {
  if (!set(api, socket, SOL_SOCKET, SO_REUSEADDR, 1)) return false;
  if (options.address.family() == Family::ipv6 &&
      !set(api, socket, IPPROTO_IPV6, IPV6_V6ONLY, options.ipv6only)) {
    return false;
  }
  if (options.receive_buffer) set(api, socket, SOL_SOCKET, SO_RCVBUF, options.receive_buffer);
  if (options.send_buffer) set(api, socket, SOL_SOCKET, SO_SNDBUF, options.send_buffer);
  if (options.keepalive.on) set(api, socket, SOL_SOCKET, SO_KEEPALIVE, 1);
  if (options.keepalive.idle) set(api, socket, IPPROTO_TCP, TCP_KEEPIDLE, options.keepalive.idle);
  if (options.keepalive.interval) {
    set(api, socket, IPPROTO_TCP, TCP_KEEPINTVL, options.keepalive.interval);
  }
  if (options.keepalive.count) set(api, socket, IPPROTO_TCP, TCP_KEEPCNT, options.keepalive.count);
  return api.bind(socket, options.address.data(), options.address.size()) == 0 &&
         api.set_non_blocking(socket) == 0 && api.listen(socket, options.backlog) == 0;
}

}  // namespace

std::unique_ptr<FstackListener> FstackListener::open(FstackStack& stack,
                                                     const ListenSocket& options,
                                                     Acceptor& acceptor) {
  const FstackApi& api = stack.api();
  int socket = api.socket(options.address.data()->sa_family, SOCK_STREAM, 0);
  if (socket < 0) return nullptr;
  if (!set_up(api, socket, options)) {
    int error = errno;
    api.close(socket);
    errno = error;
    return nullptr;
  }
  stack.listens_on(options.address);
  return std::make_unique<FstackListener>(stack, socket, acceptor);
}

FstackListener::FstackListener(FstackStack& stack, int socket, Acceptor& acceptor)
    : SocketListener(acceptor), stack_(stack), socket_(socket) {
  start();
}

FstackListener::~FstackListener() {
  stop();
  stack_.stops_listening();
  stack_.api().close(socket_);
}

bool FstackListener::accept_one() {
  sockaddr_storage storage = {};
  socklen_t length = sizeof(storage);
  sockaddr* peer = reinterpret_cast<sockaddr*>(&storage);
  // What is accepted is non-blocking as its listener is (FreeBSD's accept(2)).
  int socket = stack_.api().accept(socket_, peer, &length);
  if (socket < 0) {
    if (errno == EAGAIN) return false;
    if (errno == ECONNABORTED || errno == EINTR) return true;
    fail(errno);
    return false;
  }
  StreamPtr stream = stack_.adopt(socket, Address(peer, length), false);
  if (!stream) return true;
  acceptor_.on_accept(std::move(stream));
  return true;
}

}  // namespace sluice::net
