#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "net/fstack_api.h"

namespace sluice::net {

/// How many of F-Stack's TCP connections are in which state (FreeBSD's sysctl net.inet.tcp.states;
/// RFC 9293 section 3.3.2).
class TcpStates {
 public:
  /// None where the sysctl isn't there.
  static std::optional<TcpStates> read(const FstackApi& api);

  /// Closed on our side, with bytes or a FIN that the peer hasn't acknowledged.
  uint64_t closing_with_unacknowledged() const {
    return counts_[fin_wait_1] + counts_[closing] + counts_[last_ack];
  }

 private:
  /// As FreeBSD's netinet/tcp_fsm.h numbers them.
  enum State : uint8_t { fin_wait_1 = 6, closing = 7, last_ack = 8, all = 11 };
  std::array<uint64_t, all> counts_ = {};
};

}  // namespace sluice::net
