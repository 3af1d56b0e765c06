#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/intrusive_list.h"
#include "http/h2/client_stream.h"
#include "http/h2/session.h"
#include "net/stack.h"
#include "proxy/data_thread.h"
#include "proxy/shared_upstream.h"

namespace sluice::h2 {

/// A connection to an upstream that speaks HTTP/2 (RFC 9113): nghttp2's session between the
/// connection and the streams of requests. What requests of one turn have to say leaves together.
///
/// Nothing that the peer does makes it grow: heads are bounded by the codec, bodies by their
/// streams' windows, and a peer that sends much and says little is left (see `is_flood()`).
class ClientSession final : public SharedUpstream,
                            public net::Layer,
                            private UpstreamConnection::User,
                            private DataThread::TurnEnd {
 public:
  explicit ClientSession(DataThread& thread);
  ~ClientSession() override;

  // SharedUpstream
  UpstreamConnection::User& user() override { return *this; }
  void begin(std::unique_ptr<UpstreamConnection> transport, UpstreamPool* pool) override;
  UpstreamConnection* transport() override { return transport_.get(); }
  bool is_connected() const override { return session_ && transport_; }
  bool has_room() const override;
  net::StreamPtr open() override;
  void close() override;

  // --- For its streams ---
  DataThread& thread() { return thread_; }
  nghttp2_session* session() { return session_.get(); }
  net::Stream& stream() { return transport_->stream(); }
  const net::Address& peer() const { return peer_; }
  /// The peer takes no more for now.
  bool is_full() const { return transport_->stream().blocked(); }
  /// Why streams that nghttp2 closes were not processed; empty: they may have been.
  const std::string& goaway() const { return goaway_; }
  /// A stream has a head to send.
  void submit_later(ClientStream& stream);
  /// A stream has something else to send, and may have borrowed it.
  void settle_later(ClientStream& stream);
  /// Makes frames now, unless nghttp2 is on the stack.
  void produce();
  /// Has the stream's visit() called once nobody is on the stack.
  void visit_later(ClientStream& stream);
  /// The stream's consumer has let go of it.
  void remove(ClientStream& stream);
  /// Bytes of bodies that have left.
  void note_progress(uint64_t bytes) { progress_ += bytes; }

 private:
  friend struct ClientCallbacks;

  // net::Layer
  void settle() override { produce(); }
  void visit() override;
  // DataThread::TurnEnd
  void on_turn_end() override;

  // UpstreamConnection::User
  void on_connected() override;
  void on_upstream_data(std::span<const char> data) override;
  void on_upstream_readable() override {}
  void on_upstream_end() override;
  void on_upstream_writable() override { produce(); }
  void on_upstream_error(int error) override;
  void on_upstream_timeout() override { close(); }

  void make_session();
  bool is_flood() const;
  void on_goaway(uint32_t error);
  void fail(std::string_view why);
  template <class Tell>
  void tell_all(Tell tell);
  void rest();

  DataThread& thread_;
  UpstreamPool* pool_ = nullptr;
  std::unique_ptr<UpstreamConnection> transport_;
  net::Address peer_;
  SessionPtr session_;  ///< null until the connection stands
  std::string goaway_;
  IntrusiveList<ClientStream, struct StreamsOfSession> streams_;
  IntrusiveList<ClientStream, struct StreamsToSubmit> to_submit_;
  IntrusiveList<ClientStream, struct StreamsToSettle> to_settle_;
  IntrusiveList<ClientStream, struct StreamsToVisit> to_visit_;
  uint64_t received_ = 0;          ///< bytes in all
  uint64_t progress_ = 0;          ///< …of heads and bodies, and of bodies that were sent
  uint64_t last_received_ms_ = 0;  ///< when the peer last said anything
  uint32_t stream_count_ = 0;
  bool settings_received_ = false;
  bool going_away_ = false;  ///< the peer takes no more requests, or doesn't answer them
  bool within_session_ = false;
  bool telling_ = false;  ///< streams are being told something: they may go, the session doesn't
  bool buried_ = false;
};

}  // namespace sluice::h2
