#include "net/kernel_datagrams.h"

#include <netinet/in.h>
#include <netinet/udp.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

namespace sluice::net {
namespace {

constexpr size_t batch = 16;
/// The kernel joins datagrams up to this size.
constexpr size_t receive_size = 65'536;

/// Room for the control messages of one datagram: addresses, ECN, segment size.
struct alignas(cmsghdr) Control {
  char bytes[CMSG_SPACE(sizeof(in6_pktinfo)) + 2 * CMSG_SPACE(sizeof(int))];
};

/// One per thread: what is received is used up before the next call.
struct ReceiveBuffers {
  std::unique_ptr<uint8_t[]> bytes =
      std::make_unique_for_overwrite<uint8_t[]>(batch * receive_size);
  std::array<mmsghdr, batch> messages{};
  std::array<iovec, batch> vectors{};
  std::array<sockaddr_storage, batch> names{};
  std::array<Control, batch> controls{};

  static ReceiveBuffers& of_thread() {
    static thread_local std::unique_ptr<ReceiveBuffers> buffers;
    if (!buffers) buffers = std::make_unique<ReceiveBuffers>();
    return *buffers;
  }

  mmsghdr* prepare() {
    for (size_t i = 0; i < batch; ++i) {
      vectors[i] = {bytes.get() + i * receive_size, receive_size};
      messages[i].msg_hdr = {&names[i], sizeof names[i],   &vectors[i],
                             1,         controls[i].bytes, sizeof controls[i].bytes,
                             0};
    }
    return messages.data();
  }
};

bool enable(int socket, int level, int option, int value = 1) {
  return ::setsockopt(socket, level, option, &value, sizeof value) == 0;
}

/// What the control messages of a received datagram say.
struct Arrival {
  Address local;
  Ecn ecn = Ecn::not_ect;
  size_t segment = 0;
};

template <typename T>
T payload(const cmsghdr* message) {
  T value;
  std::memcpy(&value, CMSG_DATA(message), sizeof value);
  return value;
}

Arrival read_control(const msghdr& header, const Address& bound) {
  Arrival arrival{.local = bound};
  auto* mutable_header = const_cast<msghdr*>(&header);
  for (cmsghdr* message = CMSG_FIRSTHDR(mutable_header); message;
       message = CMSG_NXTHDR(mutable_header, message)) {
    int level = message->cmsg_level, type = message->cmsg_type;
    if (level == IPPROTO_IP && type == IP_PKTINFO) {
      auto info = payload<in_pktinfo>(message);
      sockaddr_in address = {.sin_family = AF_INET,
                             .sin_port = htons(bound.port()),
                             .sin_addr = info.ipi_addr,
                             .sin_zero = {}};
      arrival.local = Address(reinterpret_cast<const sockaddr*>(&address), sizeof address);
    } else if (level == IPPROTO_IPV6 && type == IPV6_PKTINFO) {
      auto info = payload<in6_pktinfo>(message);
      sockaddr_in6 address = {};
      address.sin6_family = AF_INET6;
      address.sin6_port = htons(bound.port());
      address.sin6_addr = info.ipi6_addr;
      arrival.local = Address(reinterpret_cast<const sockaddr*>(&address), sizeof address);
    } else if (level == IPPROTO_IP && type == IP_TOS) {
      arrival.ecn = Ecn(*CMSG_DATA(message) & 3);
    } else if (level == IPPROTO_IPV6 && type == IPV6_TCLASS) {
      arrival.ecn = Ecn(payload<int>(message) & 3);
    } else if (level == IPPROTO_UDP && type == UDP_GRO) {
      arrival.segment = size_t(payload<int>(message));
    }
  }
  return arrival;
}

/// An IPv4 client of a socket for both families.
bool is_ipv4_mapped(const Address& v6) {
  return IN6_IS_ADDR_V4MAPPED(&reinterpret_cast<const sockaddr_in6*>(v6.data())->sin6_addr);
}

/// Writes control messages one behind the other.
class ControlWriter {
 public:
  ControlWriter(Control& room, msghdr& header) : room_(room), header_(header) {
    header_.msg_control = room.bytes;
    header_.msg_controllen = 0;
  }
  template <typename T>
  void add(int level, int type, const T& value) {
    auto* message = reinterpret_cast<cmsghdr*>(room_.bytes + header_.msg_controllen);
    message->cmsg_level = level;
    message->cmsg_type = type;
    message->cmsg_len = CMSG_LEN(sizeof value);
    std::memcpy(CMSG_DATA(message), &value, sizeof value);
    header_.msg_controllen += CMSG_SPACE(sizeof value);
  }

 private:
  Control& room_;
  msghdr& header_;
};

void write_control(const Address& remote, const Address& local, Ecn ecn, size_t segment,
                   Control& room, msghdr& header) {
  ControlWriter writer(room, header);
  bool v6 = remote.family() == Family::ipv6;
  std::span<const uint8_t> from = local.ip_bytes();
  if (v6 && from.size() == 16) {
    in6_pktinfo info = {};
    std::ranges::copy(from, info.ipi6_addr.s6_addr);
    writer.add(IPPROTO_IPV6, IPV6_PKTINFO, info);
  } else if (!v6 && from.size() == 4) {
    in_pktinfo info = {};
    std::memcpy(&info.ipi_spec_dst, from.data(), from.size());
    writer.add(IPPROTO_IP, IP_PKTINFO, info);
  }
  if (ecn != Ecn::not_ect) {
    bool as_v4 = !v6 || is_ipv4_mapped(remote);
    writer.add(as_v4 ? IPPROTO_IP : IPPROTO_IPV6, as_v4 ? IP_TOS : IPV6_TCLASS, int(ecn));
  }
  if (segment) writer.add(IPPROTO_UDP, UDP_SEGMENT, uint16_t(segment));
  if (header.msg_controllen == 0) header.msg_control = nullptr;
}

}  // namespace

KernelDatagrams::KernelDatagrams(KernelStack& stack, int descriptor, Consumer& consumer)
    : stack_(stack), consumer_(consumer), descriptor_(descriptor) {
  set_up();
  stack_.observe_turns(*this);
  watch(true, false);
}

KernelDatagrams::~KernelDatagrams() {
  flush();
  if (watched_) stack_.remove(descriptor_, *this);
  stack_.forget_turns(*this);
  if (gone_) *gone_ = true;
}

void KernelDatagrams::set_up() {
  bool wildcard = false;
  sockaddr_storage name;
  socklen_t size = sizeof name;
  if (::getsockname(descriptor_, reinterpret_cast<sockaddr*>(&name), &size) == 0) {
    bound_ = Address(reinterpret_cast<const sockaddr*>(&name), size);
    wildcard = std::ranges::all_of(bound_.ip_bytes(), [](uint8_t byte) { return byte == 0; });
  }
  // Packets are never cut on their way: QUIC finds the path's size by itself (RFC 9000, 14).
  if (bound_.family() == Family::ipv6) {
    if (wildcard) enable(descriptor_, IPPROTO_IPV6, IPV6_RECVPKTINFO);
    enable(descriptor_, IPPROTO_IPV6, IPV6_RECVTCLASS);
    enable(descriptor_, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE);
  }
  // A socket for both families gets IPv4's marks by these.
  enable(descriptor_, IPPROTO_IP, IP_RECVTOS);
  enable(descriptor_, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
  if (bound_.family() == Family::ipv4 && wildcard) enable(descriptor_, IPPROTO_IP, IP_PKTINFO);
  enable(descriptor_, IPPROTO_UDP, UDP_GRO);
}

void KernelDatagrams::watch(bool readable, bool writable) {
  uint32_t wanted = (readable ? uint32_t{EPOLLIN} : 0) | (writable ? uint32_t{EPOLLOUT} : 0);
  if (wanted == watched_) return;
  if (watched_) stack_.remove(descriptor_, *this);
  // Level-triggered: what one batch leaves comes again.
  if (wanted) stack_.add(descriptor_, wanted, *this);
  watched_ = wanted;
}

void KernelDatagrams::stop_reading() {
  reading_ = false;
  watch(false, blocked_);
}

void KernelDatagrams::on_events(uint32_t events) {
  if ((events & EPOLLOUT) && blocked_) {
    blocked_ = false;
    flush();
    if (!blocked_) {
      watch(reading_, false);
      consumer_.on_room();
    }
  }
  if (!(events & ~uint32_t{EPOLLOUT}) || !reading_) return;
  for (int round = 0; round < max_rounds && receive(); ++round) {
  }
}

// False: there is no more for now, or nobody who wants it.
bool KernelDatagrams::receive() {
  bool gone = false;
  ReceiveBuffers& buffers = ReceiveBuffers::of_thread();
  mmsghdr* messages = buffers.prepare();
  int count = ::recvmmsg(descriptor_, messages, batch, MSG_DONTWAIT, nullptr);
  // An error is that of a datagram sent earlier (ICMP): whom it was for, QUIC finds out by itself.
  if (count <= 0) return count < 0 && errno != EAGAIN && errno != EBADF;
  gone_ = &gone;
  for (int i = 0; i < count; ++i) {
    deliver(messages[i]);
    if (gone) return false;
  }
  gone_ = nullptr;
  return reading_ && size_t(count) == batch;
}

void KernelDatagrams::deliver(const mmsghdr& message) {
  const msghdr& header = message.msg_hdr;
  if (header.msg_flags & MSG_TRUNC) return;
  Arrival arrival = read_control(header, bound_);
  Address remote(static_cast<const sockaddr*>(header.msg_name), header.msg_namelen);
  std::span<const uint8_t> rest(static_cast<const uint8_t*>(header.msg_iov->iov_base),
                                message.msg_len);
  bool* gone = gone_;
  size_t segment = arrival.segment ? arrival.segment : rest.size();
  while (!rest.empty() && !*gone) {
    std::span<const uint8_t> one = rest.first(std::min(segment, rest.size()));
    rest = rest.subspan(one.size());
    consumer_.on_datagram({one, remote, arrival.local, arrival.ecn});
  }
}

std::span<uint8_t> KernelDatagrams::prepare(size_t size) {
  if (size > output_capacity - queued_ || trains_.size() >= 4 * batch) flush();
  if (blocked_ || size > output_capacity - queued_) return {};
  if (!output_) output_ = std::make_unique_for_overwrite<uint8_t[]>(output_capacity);
  return {output_.get() + queued_, size};
}

void KernelDatagrams::commit(size_t size, const Departure& departure) {
  if (size == 0) return;
  size_t segment = departure.segment < size ? departure.segment : 0;
  queued_ += size;
  size_t step = segment && !segmentation_ ? segment : size;
  // The kernel takes the socket's own address by itself.
  Address from = departure.local == bound_ ? Address() : departure.local;
  for (size_t at = 0; at < size; at += step) {
    size_t length = std::min(step, size - at);
    trains_.push_back({length, step == size ? segment : 0, departure.remote, from, departure.ecn});
  }
}

void KernelDatagrams::flush() {
  if (blocked_ || trains_.empty()) return;
  size_t sent = 0;
  size_t bytes = 0;
  while (sent < trains_.size() && !blocked_) {
    size_t before = sent;
    sent += send(bytes);
    for (size_t i = before; i < sent; ++i) bytes += trains_[i].size;
    trains_.erase(trains_.begin(), trains_.begin() + long(sent));
    sent = 0;
  }
  queued_ -= bytes;
  if (queued_) std::memmove(output_.get(), output_.get() + bytes, queued_);
  if (blocked_) watch(reading_, true);
}

// Sends the first trains, which begin at `offset`; how many of them are done with.
size_t KernelDatagrams::send(size_t offset) {
  std::array<mmsghdr, batch> messages{};
  std::array<iovec, batch> vectors;
  std::array<Control, batch> controls;
  size_t count = std::min(trains_.size(), batch);
  uint8_t* bytes = output_.get() + offset;
  for (size_t i = 0; i < count; ++i) {
    Train& train = trains_[i];
    msghdr& header = messages[i].msg_hdr;
    vectors[i] = {bytes, train.size};
    header.msg_name = const_cast<sockaddr*>(train.remote.data());
    header.msg_namelen = train.remote.size();
    header.msg_iov = &vectors[i];
    header.msg_iovlen = 1;
    write_control(train.remote, train.local, train.ecn, train.segment, controls[i], header);
    bytes += train.size;
  }
  int sent = ::sendmmsg(descriptor_, messages.data(), unsigned(count), MSG_DONTWAIT);
  if (sent > 0) return size_t(sent);
  if (errno == EINTR) return 0;
  if (errno == EAGAIN || errno == ENOBUFS) {
    blocked_ = true;
    return 0;
  }
  // A device that can't segment says EIO; anything else is as good as a packet lost on its way.
  if (errno == EIO && trains_[0].segment) {
    segmentation_ = false;
    send_apart(trains_[0], output_.get() + offset);
  }
  return 1;
}

void KernelDatagrams::send_apart(Train& train, const uint8_t* bytes) {
  for (size_t at = 0; at < train.size; at += train.segment) {
    iovec vector = {const_cast<uint8_t*>(bytes) + at, std::min(train.segment, train.size - at)};
    msghdr header = {};
    header.msg_name = const_cast<sockaddr*>(train.remote.data());
    header.msg_namelen = train.remote.size();
    header.msg_iov = &vector;
    header.msg_iovlen = 1;
    Control control;
    write_control(train.remote, train.local, train.ecn, 0, control, header);
    [[maybe_unused]] ssize_t sent = ::sendmsg(descriptor_, &header, MSG_DONTWAIT);
  }
}

}  // namespace sluice::net
