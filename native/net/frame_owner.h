#pragma once

#include <cstdint>
#include <span>

namespace sluice::net {

/// Which worker has which of the ports that connections to upstreams come from: worker n those from
/// `first + n * each` on.
struct PortRanges {
  uint16_t first = 0;
  uint16_t each = 0;
  uint16_t workers = 1;
};

/// For several workers on a device that can't spread flows by itself: the worker that a received
/// Ethernet frame is for. What comes back to a connection that a worker has opened is that
/// worker's; other flows of TCP and UDP are spread by their addresses and ports. -1: anybody's
/// (ARP, ICMP, fragments but the first, what can't be read).
int owner_of_frame(std::span<const uint8_t> frame, const PortRanges& ranges);

}  // namespace sluice::net
