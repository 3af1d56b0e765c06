#pragma once

#include "net/fstack_stack.h"
#include "net/socket_stream.h"

namespace sluice::net {

/// A TCP socket of F-Stack.
class FstackStream final : public SocketStream,
                           public FstackSource,
                           public ListHook<struct OpenFstackStreams> {
 public:
  FstackStream(FstackStack& stack, int socket, const Address& remote, bool connecting);
  ~FstackStream() override = default;

  /// Nothing to splice from, or to ask TCP_INFO of in Linux's terms.
  bool read_directly(bool) override { return false; }
  void set_no_delay(bool on) override;
  void set_keepalive(bool on) override;

  void on_event(const FstackEvent& event) override;

 private:
  friend class FstackStack;

  ssize_t receive(std::span<char> room) override;
  ssize_t transmit(std::span<iovec> pieces, bool more) override;
  ssize_t transmit_file(const OutQueue::FilePart& part) override;
  void finish_transmitting() override;
  int take_error() override;
  Address find_local_address() override;
  void close_with_reset() override;
  void close_socket() override;
  ssize_t await_room_unless(ssize_t sent, size_t asked);

  FstackStack& stack_;
  int socket_;  ///< -1 once it is closed
};

}  // namespace sluice::net
