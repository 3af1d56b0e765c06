#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace sluice::quic {

/// The peer wants no more of a stream (RFC 9000, 19.5).
struct StopSending {
  int64_t stream;
  uint64_t error;
};

/// Appends those of a packet's payload. ngtcp2 acts on them, but tells nobody. What is malformed
/// ends the search, as ngtcp2 ends the connection for it.
void find_stop_sending(std::span<const uint8_t> payload, std::vector<StopSending>& found);

}  // namespace sluice::quic
