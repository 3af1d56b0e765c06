#pragma once

#include "base/file.h"
#include "net/kernel_stack.h"
#include "net/socket_stream.h"

namespace sluice::net {

/// A socket of the kernel, TCP or unix.
class KernelStream final : public SocketStream, public EventSource {
 public:
  /// `no_delay`: the socket has TCP_NODELAY.
  KernelStream(Turn& turn, Descriptor socket, const Address& remote, bool connecting, bool no_delay)
      : SocketStream(turn, remote, connecting), socket_(std::move(socket)), no_delay_(no_delay) {}

  int kernel_descriptor() const override { return socket_.get(); }
  void set_no_delay(bool on) override;
  void set_keepalive(bool on) override;

  void on_events(uint32_t events) override { handle_events(events); }

 private:
  ssize_t receive(std::span<char> room) override;
  ssize_t transmit(std::span<iovec> pieces, bool more) override;
  ssize_t transmit_file(const OutQueue::FilePart& part) override;
  void finish_transmitting() override;
  int take_error() override;
  Address find_local_address() override;
  void close_with_reset() override;
  void close_socket() override { socket_.reset(); }

  Descriptor socket_;
  bool no_delay_;
};

}  // namespace sluice::net
