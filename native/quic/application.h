#pragma once

#include <ngtcp2/ngtcp2.h>

#include <cstdint>
#include <span>
#include <string_view>

#include "net/address.h"

namespace sluice::quic {

/// Bytes that a stream has ready. They stay where they are until on_acknowledged().
struct Outgoing {
  int64_t stream = -1;  ///< -1: nothing is ready
  std::span<const ngtcp2_vec> bytes = {};
  bool end = false;  ///< the stream ends with them
};

/// What a connection carries: HTTP/3. Calls come from within the connection's own work, so nothing
/// here may destroy it; close() may be called any time.
class Application {
 public:
  /// Streams can be opened: the keys are there, though the handshake may still go on.
  virtual void on_ready() = 0;
  /// The handshake is complete: nothing that comes now can be a replay.
  virtual void on_handshake_complete() = 0;
  /// In order, without gaps. Whoever has used bytes up says so (Connection::consume()).
  virtual void on_stream_data(int64_t stream, std::span<const uint8_t> bytes, bool end) = 0;
  /// The peer gives up its side of the stream (RESET_STREAM).
  virtual void on_stream_reset(int64_t stream, uint64_t error) = 0;
  virtual void on_stream_closed(int64_t stream) = 0;
  /// An unreliable datagram (RFC 9221); comes only where TransportSettings allow it.
  virtual void on_datagram(std::span<const uint8_t>) {}
  virtual void on_acknowledged(int64_t stream, uint64_t bytes) = 0;

  /// What to send next; asked until nothing is ready.
  virtual Outgoing next_outgoing() = 0;
  /// So much of it is on its way.
  virtual void on_sent(int64_t stream, size_t bytes, bool end) = 0;
  /// A datagram to send before any stream's bytes, of `most` bytes at most, which stays where it is
  /// until on_datagram_sent(); empty: none is ready.
  virtual std::span<const uint8_t> next_datagram(size_t /*most*/) { return {}; }
  virtual void on_datagram_sent() {}
  /// Sending is over for now.
  virtual void on_output_made() = 0;
  /// The peer has no room for more of this stream, until on_stream_room().
  virtual void on_stream_blocked(int64_t stream) = 0;
  virtual void on_stream_room(int64_t stream) = 0;
  /// The peer wants no more of this stream (STOP_SENDING), which is reset already. Comes again if
  /// the peer repeats itself; 0: its error is not known. False: no such stream has begun, so that
  /// it has to be said again when one may have.
  virtual bool on_stream_stopped(int64_t stream, uint64_t error) = 0;
  /// The peer allows more streams of ours.
  virtual void on_streams_allowed() {}

  /// The peer's address has changed, and was validated.
  virtual void on_migrated(const net::Address& remote, const net::Address& local) = 0;
  /// The connection is over; nothing is called any more. `reason` is for the log, empty when all is
  /// as it should be.
  virtual void on_closed(std::string_view reason) = 0;

 protected:
  ~Application() = default;
};

}  // namespace sluice::quic
