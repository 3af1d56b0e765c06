#include "test/loop.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <cstdlib>

namespace sluice::test {

Descriptor listening(net::Address& address) {
  Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  net::Address any = *net::Address::parse("127.0.0.1");
  ::bind(socket.get(), any.data(), any.size());
  ::listen(socket.get(), 128);
  sockaddr_storage storage = {};
  sockaddr* bound = reinterpret_cast<sockaddr*>(&storage);
  socklen_t length = sizeof(storage);
  if (::getsockname(socket.get(), bound, &length) < 0) std::abort();
  address = net::Address(bound, length);
  return socket;
}

Descriptor connected_to(const net::Address& address) {
  Descriptor socket(::socket(address.data()->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(socket.get(), address.data(), address.size()) < 0) std::abort();
  return socket;
}

Pair tcp_pair() {
  net::Address address;
  Descriptor listener = listening(address);
  Descriptor theirs = connected_to(address);
  Descriptor ours(::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  return {std::move(ours), std::move(theirs)};
}

Pair unix_pair() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) std::abort();
  ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return {Descriptor(ends[0]), Descriptor(ends[1])};
}

std::string receive_now(const Descriptor& socket) {
  std::string text;
  char buffer[65536];
  while (true) {
    ssize_t size = ::recv(socket.get(), buffer, sizeof(buffer), MSG_DONTWAIT);
    if (size <= 0) return text;
    text.append(buffer, size);
  }
}

bool send_all_now(const Descriptor& socket, std::string_view bytes) {
  ssize_t sent = ::send(socket.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  return sent == static_cast<ssize_t>(bytes.size());
}

}  // namespace sluice::test
