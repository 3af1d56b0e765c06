#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "net/stack.h"
#include "quic/endpoint.h"

namespace sluice::quic {

/// Takes packets to the worker that their connection ID names, and takes those that others bring:
/// of this generation, of one that still drains, or of another binary's. Each has a unix socket
/// whose name follows from the host's keys, its number and its generation. Who sends there has to
/// run as the same user: the kernel says so.
class Relay final : public Endpoint::Router {
 public:
  Relay(net::Stack& stack, const ConnectionIdScheme& scheme, const HostKeys& keys);
  ~Relay();

  /// What comes for the endpoint's address is delivered there.
  void add(Endpoint& endpoint);

  bool route(const ConnectionIdScheme::Owner& owner, const net::Datagram& datagram) override;

 private:
  void receive();
  void deliver(std::span<const uint8_t> message);
  Endpoint* endpoint_at(const net::Address& local);

  const HostKeys& keys_;
  std::vector<Endpoint*> endpoints_;
  Descriptor socket_;
  std::unique_ptr<uint8_t[]> buffer_;
};

/// A packet with where it came from and went to, as relays hand it on.
namespace relayed {
constexpr size_t max_head_size = 2 + 2 * (16 + 2);
/// Returns the size of the head, written to `out`; 0: not an IP packet.
size_t put_head(const net::Datagram& datagram, std::span<uint8_t, max_head_size> out);
/// Takes the head off a message's front; false: it is malformed.
bool take_head(std::span<const uint8_t>& message, net::Address& remote, net::Address& local,
               net::Ecn& ecn);
}  // namespace relayed

}  // namespace sluice::quic
