#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/intrusive_list.h"
#include "http/h2/client_stream.h"
#include "http/h2/session.h"
#include "net/stack.h"

namespace sluice::h2 {

/// A client's side of an HTTP/2 connection (RFC 9113): nghttp2's session between the connection and
/// the streams of requests. What requests of one turn have to say leaves together.
///
/// Nothing that the peer does makes it grow: heads are bounded by the codec, bodies by their
/// streams' windows, and a peer that sends much and says little is left (`is_flood()`).
class ClientSession final : public net::Layer {
 public:
  /// Whose connection it is.
  class Owner {
   public:
    /// No stream is left.
    virtual void on_unused() = 0;
    /// The peer has broken the rules, and the streams know; close the connection.
    virtual void on_broken() = 0;

   protected:
    ~Owner() = default;
  };
  ClientSession(net::Stack& stack, Owner& owner);
  ~ClientSession() override;

  // --- The connection ---
  /// It stands: streams that wait for it are told.
  void begin(net::Stream& below);
  void receive(std::span<const char> data);
  /// What could not be sent may be sent now, if the connection takes it.
  void produce();
  /// It is gone: it ended, or failed. Streams are told, but those whose response is complete.
  void end();
  void fail(int error);
  /// It is about to be closed: the peer is told that this is no failure (RFC 9113 section 6.8).
  void leave();

  // --- Requests ---
  bool is_connected() const { return below_ != nullptr; }
  bool is_unused() const { return stream_count_ == 0; }
  /// Whether one more may be made.
  bool has_room() const;
  /// A ClientStream for one more.
  net::StreamPtr open();

  // --- For its streams ---
  net::Stack& stack() { return stack_; }
  net::Stream* below() { return below_; }
  const net::Address& peer() const { return peer_; }
  nghttp2_session* session() { return session_.get(); }
  /// The peer takes no more for now.
  bool is_full() const { return below_->blocked(); }
  /// Why streams that nghttp2 closes were not processed; empty: they may have been.
  const std::string& goaway() const { return goaway_; }
  /// A stream has a head to send.
  void submit_later(ClientStream& stream);
  /// The stream's consumer has let go of it.
  void remove(ClientStream& stream);
  /// Bytes of heads and bodies that have come, or of bodies that have left.
  void note_progress(uint64_t bytes) { progress_ += bytes; }

 private:
  friend struct ClientCallbacks;

  // net::Layer
  void settle() override {}
  void visit() override;

  void make_session();
  bool is_flood() const;
  void on_goaway(uint32_t error);
  void break_off(std::string_view why);
  template <class Tell>
  void tell_all(Tell tell);

  net::Stack& stack_;
  Owner& owner_;
  net::Stream* below_ = nullptr;  ///< null before and after
  net::Address peer_;
  SessionPtr session_;
  std::string goaway_;
  IntrusiveList<ClientStream, struct StreamsOfSession> streams_;
  IntrusiveList<ClientStream, struct StreamsToSubmit> to_submit_;
  uint64_t received_ = 0;  ///< bytes in all
  uint64_t progress_ = 0;
  uint64_t last_received_ms_ = 0;  ///< when the peer last said anything
  uint32_t stream_count_ = 0;
  bool settings_received_ = false;
  bool going_away_ = false;  ///< the peer takes no more requests, or doesn't answer them
  bool within_session_ = false;
  bool telling_ = false;  ///< streams are being told something: they may go, the session doesn't
};

}  // namespace sluice::h2
