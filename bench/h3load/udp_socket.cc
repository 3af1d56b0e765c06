#include "udp_socket.h"

#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

namespace h3load {
namespace {

constexpr size_t batch = 16;
/// The kernel joins datagrams up to this size.
constexpr size_t receive_size = 65'536;
constexpr int socket_buffer = 4 << 20;

struct alignas(cmsghdr) Control {
  char bytes[2 * CMSG_SPACE(sizeof(int))];
};

/// One per thread: what is received is used up before the next call.
struct ReceiveBuffers {
  std::unique_ptr<uint8_t[]> bytes = std::make_unique<uint8_t[]>(batch * receive_size);
  std::array<mmsghdr, batch> messages{};
  std::array<iovec, batch> vectors{};
  std::array<Control, batch> controls{};

  mmsghdr* prepare() {
    for (size_t i = 0; i < batch; ++i) {
      vectors[i] = {bytes.get() + i * receive_size, receive_size};
      messages[i].msg_hdr = {
          nullptr, 0, &vectors[i], 1, controls[i].bytes, sizeof controls[i].bytes, 0};
    }
    return messages.data();
  }
};

void enable(int socket, int level, int option, int value = 1) {
  ::setsockopt(socket, level, option, &value, sizeof value);
}

void read_control(msghdr& header, size_t& segment, uint8_t& ecn) {
  for (cmsghdr* message = CMSG_FIRSTHDR(&header); message;
       message = CMSG_NXTHDR(&header, message)) {
    if (message->cmsg_level == IPPROTO_IP && message->cmsg_type == IP_TOS) {
      ecn = *CMSG_DATA(message) & 3;
    } else if (message->cmsg_level == IPPROTO_UDP && message->cmsg_type == UDP_GRO) {
      int size;
      std::memcpy(&size, CMSG_DATA(message), sizeof size);
      segment = size_t(size);
    }
  }
}

}  // namespace

UdpSocket::~UdpSocket() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

bool UdpSocket::connect(const sockaddr* remote, socklen_t size) {
  descriptor_ = ::socket(remote->sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor_ < 0 || ::connect(descriptor_, remote, size) < 0) return false;
  enable(descriptor_, IPPROTO_UDP, UDP_GRO);
  enable(descriptor_, IPPROTO_IP, IP_RECVTOS);
  // A large body comes in bursts. More than what the host allows takes a privilege.
  enable(descriptor_, SOL_SOCKET, SO_RCVBUF, socket_buffer);
  enable(descriptor_, SOL_SOCKET, SO_RCVBUFFORCE, socket_buffer);
  local_size_ = sizeof local_;
  return ::getsockname(descriptor_, reinterpret_cast<sockaddr*>(&local_), &local_size_) == 0;
}

void UdpSocket::send(std::span<const uint8_t> packets, size_t segment) {
  iovec vector = {const_cast<uint8_t*>(packets.data()), packets.size()};
  msghdr header = {};
  header.msg_iov = &vector;
  header.msg_iovlen = 1;
  Control control = {};
  if (segment < packets.size()) {
    header.msg_control = control.bytes;
    header.msg_controllen = CMSG_SPACE(sizeof(uint16_t));
    cmsghdr* message = CMSG_FIRSTHDR(&header);
    message->cmsg_level = IPPROTO_UDP;
    message->cmsg_type = UDP_SEGMENT;
    message->cmsg_len = CMSG_LEN(sizeof(uint16_t));
    auto size = uint16_t(segment);
    std::memcpy(CMSG_DATA(message), &size, sizeof size);
  }
  [[maybe_unused]] ssize_t sent = ::sendmsg(descriptor_, &header, 0);
}

void UdpSocket::receive(const std::function<void(std::span<const uint8_t>, uint8_t)>& take) {
  static thread_local ReceiveBuffers buffers;
  int count = 0;
  do {
    mmsghdr* messages = buffers.prepare();
    count = ::recvmmsg(descriptor_, messages, batch, 0, nullptr);
    for (int i = 0; i < count; ++i) {
      std::span<const uint8_t> rest(buffers.bytes.get() + size_t(i) * receive_size,
                                    messages[i].msg_len);
      size_t segment = rest.size();
      uint8_t ecn = 0;
      read_control(messages[i].msg_hdr, segment, ecn);
      while (!rest.empty()) {
        size_t size = std::min(segment, rest.size());
        take(rest.first(size), ecn);
        rest = rest.subspan(size);
      }
    }
  } while (count == int(batch));
}

}  // namespace h3load
