#pragma once

#include <cstdint>

#include "base/intrusive_list.h"
#include "http/priority.h"
#include "quic/send_buffer.h"

namespace sluice::h3 {

/// A stream's way to the client, and its place among the others (RFC 9218).
struct SendingStream : ListHook<struct StreamsReady> {
  int64_t id = -1;
  quic::SendBuffer buffer;
  http::Priority priority;
  bool critical = false;  ///< the connection's own: others wait for what it carries
  bool blocked = false;   ///< the client takes no more of this stream for now

  /// So many bytes are on their way, or have arrived.
  virtual void note_sent(size_t) {}
  virtual void note_acknowledged(uint64_t) {}

 protected:
  ~SendingStream() = default;
};

/// One of the connection's own.
struct CriticalStream final : SendingStream {
  CriticalStream() { critical = true; }
};

}  // namespace sluice::h3
