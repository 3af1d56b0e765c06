#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "net/address.h"

namespace sluice::net {

/// The two ends of a TCP connection or of a stream of datagrams, as the packets that come to us
/// have them.
class Flow {
 public:
  Flow() = default;
  /// Addresses of 4 or of 16 bytes, ports of two, all in network order.
  Flow(std::span<const uint8_t> remote, std::span<const uint8_t> local,
       std::span<const uint8_t> ports);
  Flow(const Address& remote, const Address& local);

  bool empty() const { return size_ == 0; }
  /// Ours.
  uint16_t local_port() const { return local_port_; }
  /// Of its addresses and ports; nobody foretells it without the key.
  uint64_t hash(uint64_t key) const;

 private:
  static constexpr size_t max_size = 40;  // two addresses of 16 bytes, two ports, filled up to 8
  std::array<uint8_t, max_size> bytes_ = {};
  uint8_t size_ = 0;
  uint16_t local_port_ = 0;
};

/// What the dispatch of received packets has to know of an Ethernet frame.
struct Frame {
  enum class Kind : uint8_t {
    other,  ///< ARP, neighbour discovery, errors, fragments, what can't be read
    echo,   ///< of ICMP or ICMPv6: to be answered once
    udp,    ///< with a flow, as the two below
    syn,    ///< begins a TCP connection
    tcp,    ///< anything else of TCP
  };
  Kind kind = Kind::other;
  Flow flow;

  static Frame read(std::span<const uint8_t> bytes);
};

}  // namespace sluice::net
