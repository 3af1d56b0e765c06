#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

/// WebTransport sessions (draft-ietf-webtrans-http3): what HTTP/3 does for them, and what it tells
/// them. Bytes belong to the caller, and are good within the call.
namespace sluice::http {

/// One stream of a session. Its carrier owns it, and keeps it until on_stream_gone().
class WebTransportStream {
 public:
  /// Queues a copy.
  virtual void write(std::span<const uint8_t> bytes) = 0;
  /// Nothing follows; on_stream_finished() when the client has it all.
  virtual void finish() = 0;
  /// Gives up our side, or asks the client to give up its own. Codes are the application's.
  virtual void reset(uint32_t code) = 0;
  virtual void stop(uint32_t code) = 0;
  /// So many bytes have been used: the client may send as many more.
  virtual void consume(size_t bytes) = 0;
  /// Whose it is, for the session to set.
  void* context = nullptr;

 protected:
  ~WebTransportStream() = default;
};

/// The session, as its carrier sees it.
class WebTransportSession {
 public:
  /// The client has opened a stream. False: it is one too many.
  virtual bool on_stream(WebTransportStream& stream, bool bidirectional) = 0;
  /// Until consume(), the bytes count against what the client may send.
  virtual void on_stream_data(WebTransportStream& stream, std::span<const uint8_t> bytes,
                              bool end) = 0;
  virtual void on_stream_reset(WebTransportStream& stream, uint32_t code) = 0;
  /// The client wants no more of it.
  virtual void on_stream_stopped(WebTransportStream& stream, uint32_t code) = 0;
  /// So many bytes of ours have left.
  virtual void on_stream_sent(WebTransportStream& stream, size_t bytes) = 0;
  virtual void on_stream_finished(WebTransportStream& stream) = 0;
  virtual void on_stream_gone(WebTransportStream& stream) = 0;
  /// What could not be opened may be tried again.
  virtual void on_streams_allowed() = 0;
  virtual void on_datagram(std::span<const uint8_t> bytes) = 0;
  /// The connection is going to end once its sessions have.
  virtual void on_draining() = 0;

 protected:
  ~WebTransportSession() = default;
};

/// Carries one session, beside the stream that its capsules go by (Downstream::webtransport()).
class WebTransportCarrier {
 public:
  /// Of its connection, this one included.
  virtual size_t sessions() const = 0;
  /// The session is open; what has come before is told within the call.
  virtual void begin(WebTransportSession& session) = 0;
  /// Null: the client allows none now.
  virtual WebTransportStream* open(bool bidirectional) = 0;
  /// Of bytes whose stream is gone: the client may send as many more.
  virtual void consume(size_t bytes) = 0;
  /// Queues a copy. When the queue holds `most`, the oldest goes; what is too long is lost.
  virtual void send_datagram(std::span<const uint8_t> bytes, size_t most) = 0;
  virtual size_t max_datagram_size() const = 0;
  /// The session is over: its streams are reset, nothing is told any more.
  virtual void end() = 0;
  /// Gives up the stream of capsules, for it carries none (RFC 9297, 3.3).
  virtual void fail() = 0;

 protected:
  ~WebTransportCarrier() = default;
};

}  // namespace sluice::http
