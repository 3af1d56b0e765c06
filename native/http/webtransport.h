#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "http/capsule.h"

/// WebTransport sessions: what HTTP/3 (draft-ietf-webtrans-http3) and HTTP/2
/// (draft-ietf-webtrans-http2) do for them, and what they tell them. Bytes belong to the caller,
/// and are good within the call.
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
  /// The client has ended the session, or asks for its end.
  virtual void on_close(uint32_t code, std::string_view reason) = 0;
  virtual void on_drain() = 0;

  /// Of whoever sends the session's streams by the stream of capsules: whether that has room now,
  /// or else WebTransportCarrier::on_room() follows; and what goes.
  virtual bool has_room() const = 0;
  virtual void send(std::string_view capsules) = 0;

 protected:
  ~WebTransportSession() = default;
};

/// Carries one session, beside the stream that its capsules go by (Downstream::webtransport()).
class WebTransportCarrier {
 public:
  /// Of its connection, this one included.
  virtual size_t sessions() const = 0;
  /// Whether all of the session goes by the stream of capsules, where nothing gets lost.
  virtual bool is_reliable() const = 0;
  /// The session is open; what has come before is told within the call.
  virtual void begin(WebTransportSession& session) = 0;
  /// Null: the client allows none now.
  virtual WebTransportStream* open(bool bidirectional) = 0;
  /// Of bytes whose stream is gone: the client may send as many more.
  virtual void consume(size_t bytes) = 0;
  /// Queues a copy. When the queue holds `most`, the oldest goes; what is too long is lost.
  virtual void send_datagram(std::span<const uint8_t> bytes, size_t most) = 0;
  virtual size_t max_datagram_size() const = 0;
  /// The session has let go of one of the client's streams: another one may come.
  virtual void on_forgotten(bool bidirectional) = 0;
  /// What the stream of capsules has brought. What is wrong with it, if that is an error: then the
  /// stream was given up. Null: it is all right.
  virtual const char* receive(std::span<const uint8_t> bytes) = 0;
  virtual void on_room() = 0;
  /// Sends what can be sent, ahead of the capsule that ends the session.
  virtual void flush() = 0;
  /// The session is over: its streams are reset, nothing is told any more.
  virtual void end() = 0;

 protected:
  ~WebTransportCarrier() = default;
};

/// Tells a session of one of its own capsules.
void tell(WebTransportSession& session, CapsuleType type, std::span<const uint8_t> payload);

}  // namespace sluice::http
