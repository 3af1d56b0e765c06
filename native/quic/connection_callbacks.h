#pragma once

#include <ngtcp2/ngtcp2.h>

#include <vector>

#include "quic/stop_sending.h"

namespace sluice::quic {

/// What ngtcp2 calls; the user data is the Connection.
struct ConnectionCallbacks {
  static const ngtcp2_callbacks& table();
  /// Of the packets that were opened since somebody cleared it: the callback that opens them is
  /// told of no connection.
  static std::vector<StopSending>& stops();
};

}  // namespace sluice::quic
