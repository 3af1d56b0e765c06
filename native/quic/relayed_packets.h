#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "net/datagrams.h"

namespace sluice::quic {

/// A packet that another process has received, with where it came from and went to.
struct RelayedPacket {
  std::span<const uint8_t> bytes;  ///< in the message
  net::Address remote;
  net::Address local;
  net::Ecn ecn = net::Ecn::not_ect;

  net::Datagram datagram() const { return {bytes, remote, local, ecn}; }
};

/// What one packet adds to its size in a message.
constexpr size_t max_relayed_head = 2 + 2 * (16 + 2) + 2;

/// Packets in a message, one behind the other, numbers in network order:
///
///     size of an IP address (4 or 16), ECN, the client's address and port, ours, length (2),
///     packet
///
/// append() adds one; false: it isn't IP, or too long. take() takes one off the front; nothing when
/// what is left is malformed.
bool append_relayed(std::vector<uint8_t>& message, const net::Datagram& datagram);
std::optional<RelayedPacket> take_relayed(std::span<const uint8_t>& message);

}  // namespace sluice::quic
