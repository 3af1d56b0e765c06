#include "net/fstack_datagrams.h"

#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace sluice::net {
namespace {

/// FreeBSD's numbers (netinet/in.h, netinet6/in6.h).
constexpr int freebsd_ip_dontfrag = 67;
constexpr int freebsd_ipv6_dontfrag = 62;

constexpr int receive_room = 2 * 1024 * 1024;

void set(const FstackApi& api, int socket, int level, int option, int value) {
  api.set_option(socket, level, option, &value, sizeof(value));
}

Ecn read_ecn(msghdr& header) {
  for (cmsghdr* message = CMSG_FIRSTHDR(&header); message;
       message = CMSG_NXTHDR(&header, message)) {
    if (message->cmsg_level == IPPROTO_IP && message->cmsg_type == IP_TOS) {
      return Ecn(*CMSG_DATA(message) & 3);
    }
  }
  return Ecn::not_ect;
}

}  // namespace

/// A socket of F-Stack's, bound to one address.
class FstackDatagrams::Socket final : public FstackSource {
 public:
  Socket(FstackDatagrams& all, int number, const Address& address)
      : address(address), number_(number), all_(all) {
    // Level-triggered: what one batch leaves comes again.
    all.stack_.watch_reading(number, *this, 0);
  }
  ~Socket() {
    all_.stack_.unwatch_reading(number_, *this);
    all_.stack_.api().close(number_);
  }

  void on_event(const FstackEvent&) override {
    bool gone = false;
    all_.gone_ = &gone;
    for (int i = 0; i < max_batch; ++i) {
      bool more = receive();
      if (gone) return;
      if (!more) break;
    }
    all_.gone_ = nullptr;
  }

  bool send(std::span<uint8_t> bytes, const Address& remote) const {
    iovec piece = {bytes.data(), bytes.size()};
    msghdr header = {};
    header.msg_name = const_cast<sockaddr*>(remote.data());
    header.msg_namelen = remote.size();
    header.msg_iov = &piece;
    header.msg_iovlen = 1;
    return all_.stack_.api().send_message(number_, &header, 0) >= 0;
  }

  const Address address;

 private:
  /// Datagrams before other events get their turn.
  static constexpr int max_batch = 64;

  bool receive() {
    std::span<char> buffer = all_.stack_.datagram_buffer();
    iovec piece = {buffer.data(), buffer.size()};
    sockaddr_storage name = {};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr header = {};
    header.msg_name = &name;
    header.msg_namelen = sizeof(name);
    header.msg_iov = &piece;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof(control);
    ssize_t size = all_.stack_.api().receive_message(number_, &header, 0);
    if (size < 0) return false;
    Address remote(reinterpret_cast<const sockaddr*>(&name), header.msg_namelen);
    std::span<const uint8_t> bytes(reinterpret_cast<const uint8_t*>(buffer.data()), size_t(size));
    all_.consumer_.on_datagram({bytes, remote, address, read_ecn(header)});
    return true;
  }

  int number_;
  FstackDatagrams& all_;
};

std::unique_ptr<FstackDatagrams> FstackDatagrams::open(FstackStack& stack,
                                                       const ListenSocket& socket,
                                                       std::span<const Address> own,
                                                       Consumer& consumer) {
  auto datagrams = std::make_unique<FstackDatagrams>(stack, consumer);
  const Address& address = socket.address;
  bool wildcard = std::ranges::all_of(address.ip_bytes(), [](uint8_t byte) { return byte == 0; });
  if (!wildcard)
    return datagrams->add(address, socket.may_fragment) ? std::move(datagrams) : nullptr;
  for (Address each : own) {
    if (each.family() != address.family()) continue;
    each.set_port(address.port());
    if (!datagrams->add(each, socket.may_fragment)) return nullptr;
  }
  return datagrams;
}

FstackDatagrams::FstackDatagrams(FstackStack& stack, Consumer& consumer)
    : stack_(stack), consumer_(consumer) {
  stack_.observe_turns(*this);
}

FstackDatagrams::~FstackDatagrams() {
  flush();
  stack_.forget_turns(*this);
  if (gone_) *gone_ = true;
}

bool FstackDatagrams::add(const Address& address, bool may_fragment) {
  const FstackApi& api = stack_.api();
  int number = api.socket(address.data()->sa_family, SOCK_DGRAM, 0);
  if (number < 0) return false;
  bool v6 = address.family() == Family::ipv6;
  int whole = may_fragment ? 0 : 1;
  set(api, number, SOL_SOCKET, SO_RCVBUF, receive_room);
  if (v6) set(api, number, IPPROTO_IPV6, IPV6_V6ONLY, 1);
  if (!v6) set(api, number, IPPROTO_IP, IP_RECVTOS, 1);
  // QUIC finds the path's size by itself: its packets are never cut on their way (RFC 9000, 14).
  api.set_freebsd_option(number, v6 ? IPPROTO_IPV6 : IPPROTO_IP,
                         v6 ? freebsd_ipv6_dontfrag : freebsd_ip_dontfrag, &whole, sizeof(whole));
  if (api.set_non_blocking(number) < 0 || api.bind(number, address.data(), address.size()) < 0) {
    int error = errno;
    api.close(number);
    errno = error;
    return false;
  }
  stack_.listens_on(address);
  sockets_.push_back(std::make_unique<Socket>(*this, number, address));
  return true;
}

const FstackDatagrams::Socket* FstackDatagrams::socket_for(const Address& local,
                                                           Family family) const {
  for (const auto& socket : sockets_) {
    if (local.is_ip() ? socket->address.same_host(local) : socket->address.family() == family) {
      return socket.get();
    }
  }
  return nullptr;
}

std::span<uint8_t> FstackDatagrams::prepare(size_t size) {
  if (!output_) output_ = std::make_unique_for_overwrite<uint8_t[]>(output_capacity);
  if (queued_ + size > output_capacity) flush();
  return {output_.get() + queued_, std::min(size, output_capacity)};
}

void FstackDatagrams::commit(size_t size, const Departure& departure) {
  const Socket* from = socket_for(departure.local, departure.remote.family());
  if (!from || size == 0) return;
  size_t segment = departure.segment ? departure.segment : size;
  trains_.push_back({size, segment, departure.remote, from});
  queued_ += size;
}

void FstackDatagrams::flush() {
  uint8_t* bytes = output_.get();
  for (const Train& train : trains_) {
    for (size_t sent = 0; sent < train.size; sent += train.segment) {
      size_t size = std::min(train.segment, train.size - sent);
      refused_ += !train.from->send({bytes + sent, size}, train.remote);
    }
    bytes += train.size;
  }
  trains_.clear();
  queued_ = 0;
}

}  // namespace sluice::net
