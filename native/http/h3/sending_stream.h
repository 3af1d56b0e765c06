#pragma once

#include <cstdint>

#include "base/intrusive_list.h"
#include "quic/send_buffer.h"

namespace sluice::h3 {

/// A stream's way to the client, and its place among the others (RFC 9218).
struct SendingStream : ListHook<struct StreamsReady> {
  int64_t id = -1;
  quic::SendBuffer buffer;
  uint8_t urgency = 3;
  bool incremental = false;
  bool blocked = false;  ///< the client takes no more of this stream for now
};

}  // namespace sluice::h3
