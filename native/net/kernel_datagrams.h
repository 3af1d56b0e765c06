#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <memory>
#include <vector>

#include "net/datagrams.h"
#include "net/kernel_stack.h"

namespace sluice::net {

/// UDP over the kernel's sockets: recvmmsg() with GRO, sendmmsg() with GSO, ECN marks and local
/// addresses in control messages. The descriptor stays open when this goes.
class KernelDatagrams final : public DatagramSocket, public EventSource, Stack::TurnObserver {
 public:
  KernelDatagrams(KernelStack& stack, int descriptor, Consumer& consumer);
  ~KernelDatagrams() override;

  std::span<uint8_t> prepare(size_t size) override;
  void commit(size_t size, const Departure& departure) override;
  bool blocked() const override { return blocked_; }
  void flush() override;
  void stop_reading() override;
  void use_segmentation(bool on) override { segmentation_ = on; }

  void on_events(uint32_t events) override;

 private:
  /// A train that waits to be sent.
  struct Train {
    size_t size;
    size_t segment;
    Address remote;
    Address local;
    Ecn ecn;
  };
  static constexpr size_t output_capacity = 256 * 1024;
  /// Calls of recvmmsg() before other events get their turn.
  static constexpr int max_rounds = 8;

  void on_turn_end() override { flush(); }
  void set_up();
  bool receive();
  void deliver(const mmsghdr& message);
  size_t send(size_t first);
  void send_apart(Train& train, const uint8_t* bytes);
  void watch(bool readable, bool writable);

  KernelStack& stack_;
  Consumer& consumer_;
  Address bound_;
  std::unique_ptr<uint8_t[]> output_;
  std::vector<Train> trains_;
  size_t queued_ = 0;  ///< bytes of output_ that belong to trains_
  uint32_t watched_ = 0;
  int descriptor_;
  bool reading_ = true;
  bool blocked_ = false;
  bool segmentation_ = true;
  bool* gone_ = nullptr;  ///< tells receive() that a consumer has destroyed the socket
};

}  // namespace sluice::net
