#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

namespace h3load {

/// A UDP socket of one connection, as every client has its own. Several packets leave with one call
/// (UDP_SEGMENT), and come with one (recvmmsg(), UDP_GRO).
class UdpSocket {
 public:
  /// The most bytes of one send().
  static constexpr size_t max_train = 60'000;

  UdpSocket() = default;
  UdpSocket(const UdpSocket&) = delete;
  UdpSocket& operator=(const UdpSocket&) = delete;
  ~UdpSocket();

  /// False, with errno set, when there is no socket to be had.
  bool connect(const sockaddr* remote, socklen_t size);
  int descriptor() const { return descriptor_; }
  const sockaddr_storage& local() const { return local_; }
  socklen_t local_size() const { return local_size_; }

  /// `packets` has datagrams of `segment` bytes each; the last may be shorter. What the kernel
  /// doesn't take is lost, as it may be on any other part of the way.
  void send(std::span<const uint8_t> packets, size_t segment);
  /// All that has come. `take` gets a datagram at a time, and its ECN mark.
  void receive(const std::function<void(std::span<const uint8_t>, uint8_t)>& take);

 private:
  int descriptor_ = -1;
  sockaddr_storage local_{};
  socklen_t local_size_ = 0;
};

}  // namespace h3load
