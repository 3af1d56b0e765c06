#include "quic/relay.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace sluice::quic {
namespace {

/// Messages that are taken before other events get their turn.
constexpr int batch = 64;
/// As many as a burst of one connection: what doesn't fit is lost, and sent again.
constexpr int receive_buffer = 1024 * 1024;
constexpr size_t buffer_size = 65'536 + relayed::max_head_size;

struct Name {
  sockaddr_un address;
  socklen_t size;
};

/// Of the abstract namespace: no file, and gone with its process.
Name name_of(const HostKeys& keys, const ConnectionIdScheme::Owner& owner) {
  std::string text = "sluice-quic-" + keys.name("relay", owner.worker, owner.generation);
  Name name = {};
  name.address.sun_family = AF_UNIX;
  std::copy(text.begin(), text.end(), name.address.sun_path + 1);
  name.size = socklen_t(offsetof(sockaddr_un, sun_path) + 1 + text.size());
  return name;
}

bool is_trusted(const msghdr& header) {
  auto* mutable_header = const_cast<msghdr*>(&header);
  for (cmsghdr* message = CMSG_FIRSTHDR(mutable_header); message;
       message = CMSG_NXTHDR(mutable_header, message)) {
    if (message->cmsg_level != SOL_SOCKET || message->cmsg_type != SCM_CREDENTIALS) continue;
    ucred sender;
    std::memcpy(&sender, CMSG_DATA(message), sizeof sender);
    return sender.uid == ::geteuid();
  }
  return false;
}

}  // namespace

Relay::Relay(net::Stack& stack, const ConnectionIdScheme& scheme, const HostKeys& keys)
    : keys_(keys), socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
  int on = 1;
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  Name name = name_of(keys, scheme.self());
  if (::bind(socket_.get(), reinterpret_cast<sockaddr*>(&name.address), name.size) < 0) return;
  stack.watch(
      socket_.get(), [](void* self) { static_cast<Relay*>(self)->receive(); }, this);
}

Relay::~Relay() {
  for (Endpoint* endpoint : endpoints_) endpoint->set_router(nullptr);
}

void Relay::add(Endpoint& endpoint) {
  endpoints_.push_back(&endpoint);
  endpoint.set_router(this);
}

bool Relay::route(const ConnectionIdScheme::Owner& owner, const net::Datagram& datagram) {
  std::array<uint8_t, relayed::max_head_size> head;
  size_t head_size = relayed::put_head(datagram, head);
  if (head_size == 0) return false;
  Name name = name_of(keys_, owner);
  iovec vectors[] = {{head.data(), head_size},
                     {const_cast<uint8_t*>(datagram.bytes.data()), datagram.bytes.size()}};
  msghdr message = {};
  message.msg_name = &name.address;
  message.msg_namelen = name.size;
  message.msg_iov = vectors;
  message.msg_iovlen = std::size(vectors);
  if (::sendmsg(socket_.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return true;
  // Full: the packet is lost, as it may be anywhere. Any other error: nobody is there.
  return errno == EAGAIN || errno == ENOBUFS;
}

void Relay::receive() {
  if (!buffer_) buffer_ = std::make_unique_for_overwrite<uint8_t[]>(buffer_size);
  for (int i = 0; i < batch; ++i) {
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(ucred))];
    iovec vector = {buffer_.get(), buffer_size};
    msghdr header = {};
    header.msg_iov = &vector;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    ssize_t size = ::recvmsg(socket_.get(), &header, MSG_DONTWAIT);
    if (size < 0) return;
    if (is_trusted(header)) deliver({buffer_.get(), size_t(size)});
  }
}

void Relay::deliver(std::span<const uint8_t> message) {
  net::Address remote, local;
  net::Ecn ecn;
  if (!relayed::take_head(message, remote, local, ecn) || message.empty()) return;
  if (Endpoint* endpoint = endpoint_at(local)) endpoint->deliver({message, remote, local, ecn});
}

Endpoint* Relay::endpoint_at(const net::Address& local) {
  Endpoint* wildcard = nullptr;
  for (Endpoint* endpoint : endpoints_) {
    const net::Address& address = endpoint->address();
    if (address.port() != local.port()) continue;
    if (address == local) return endpoint;
    bool any = std::ranges::all_of(address.ip_bytes(), [](uint8_t byte) { return byte == 0; });
    if (any) wildcard = endpoint;
  }
  return wildcard;
}

namespace relayed {
namespace {

uint8_t* put(const net::Address& address, uint8_t* out) {
  std::span<const uint8_t> ip = address.ip_bytes();
  out = std::ranges::copy(ip, out).out;
  *out++ = uint8_t(address.port() >> 8);
  *out++ = uint8_t(address.port());
  return out;
}

bool take(std::span<const uint8_t>& message, size_t ip_size, net::Address& address) {
  if (message.size() < ip_size + 2) return false;
  auto port = uint16_t(message[ip_size] << 8 | message[ip_size + 1]);
  std::optional<net::Address> made = net::Address::from_ip(message.first(ip_size), port);
  if (!made) return false;
  address = *made;
  message = message.subspan(ip_size + 2);
  return true;
}

}  // namespace

size_t put_head(const net::Datagram& datagram, std::span<uint8_t, max_head_size> out) {
  size_t size = datagram.remote.ip_bytes().size();
  if (size == 0 || size != datagram.local.ip_bytes().size()) return 0;
  out[0] = uint8_t(size);
  out[1] = uint8_t(datagram.ecn);
  uint8_t* end = put(datagram.local, put(datagram.remote, out.data() + 2));
  return size_t(end - out.data());
}

bool take_head(std::span<const uint8_t>& message, net::Address& remote, net::Address& local,
               net::Ecn& ecn) {
  if (message.size() < 2) return false;
  size_t size = message[0];
  if (size != 4 && size != 16) return false;
  ecn = net::Ecn(message[1] & 3);
  message = message.subspan(2);
  return take(message, size, remote) && take(message, size, local);
}

}  // namespace relayed

}  // namespace sluice::quic
