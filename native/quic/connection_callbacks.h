#pragma once

#include <ngtcp2/ngtcp2.h>

namespace sluice::quic {

/// What ngtcp2 calls; the user data is the Connection.
struct ConnectionCallbacks {
  static const ngtcp2_callbacks& table();
};

}  // namespace sluice::quic
