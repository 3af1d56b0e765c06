#pragma once

#include <memory>
#include <vector>

#include "net/datagrams.h"
#include "net/fstack_stack.h"

namespace sluice::net {

/// UDP over F-Stack: a socket for each address, since FreeBSD's way to tell which one a datagram
/// was sent to isn't Linux's. They are this worker's alone. There is neither GSO nor GRO, nor a
/// mark of congestion on what is sent; what a full interface doesn't take is lost, as on a network.
class FstackDatagrams final : public DatagramSocket, Stack::TurnObserver {
 public:
  /// Null with errno set when no socket can be opened. A wildcard stands for `own` addresses.
  static std::unique_ptr<FstackDatagrams> open(FstackStack& stack, const ListenSocket& socket,
                                               std::span<const Address> own, Consumer& consumer);
  FstackDatagrams(FstackStack& stack, Consumer& consumer);
  ~FstackDatagrams() override;

  std::span<uint8_t> prepare(size_t size) override;
  void commit(size_t size, const Departure& departure) override;
  bool blocked() const override { return false; }
  void flush() override;
  /// Nobody else reads from these: connections that are still open go on.
  void stop_reading() override {}
  void use_segmentation(bool) override {}
  uint64_t refused() const override { return refused_; }

 private:
  class Socket;
  struct Train {
    size_t size;
    size_t segment;
    Address remote;
    const Socket* from;
  };
  static constexpr size_t output_capacity = 128 * 1024;

  void on_turn_end() override { flush(); }
  bool add(const Address& address, bool may_fragment);
  const Socket* socket_for(const Address& local, Family family) const;

  FstackStack& stack_;
  Consumer& consumer_;
  std::vector<std::unique_ptr<Socket>> sockets_;
  std::unique_ptr<uint8_t[]> output_;
  std::vector<Train> trains_;
  uint64_t refused_ = 0;
  size_t queued_ = 0;     ///< bytes of output_ that belong to trains_
  bool* gone_ = nullptr;  ///< tells a socket that a consumer has destroyed all of them
};

}  // namespace sluice::net
