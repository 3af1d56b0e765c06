#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "base/intrusive_list.h"
#include "base/recycled.h"
#include "base/timer.h"
#include "http/downstream.h"
#include "http/field_section.h"
#include "http/h2/webtransport_session.h"
#include "http/incoming_body.h"
#include "http/priority.h"
#include "net/out_queue.h"
#include "proxy/data_thread.h"
#include "proxy/disposable.h"

namespace sluice {
class Exchange;
}

namespace sluice::h2 {

class ServerConnection;

/// One request of an HTTP/2 connection and its response. Lives until both nghttp2 and the exchange
/// are done with it.
class ServerStream final : public http::Downstream,
                           public Disposable,
                           public Recycled<ServerStream>,
                           public ListHook<struct StreamsOfConnection>,
                           public ListHook<struct StreamsToSettle>,
                           public ListHook<struct StreamsToStop>,
                           private http::IncomingBody::Stream,
                           private WebTransportSession::Host,
                           private DataThread::TurnEnd {
 public:
  ServerStream(ServerConnection& connection, int32_t id);
  ~ServerStream() override;

  // --- From nghttp2, within its callbacks: nothing is sent from here ---
  void add_field(std::string_view name, std::string_view value);
  void on_head(bool ended, uint32_t size);
  http::IncomingBody& body() { return body_; }
  void add_trailer(std::string_view name, std::string_view value);
  /// How many bytes of the body come next, up to `room`; `flags` as nghttp2 wants them.
  ptrdiff_t next_data(size_t room, uint32_t& flags);
  /// Moves them behind their frame's head. True: some are borrowed.
  bool take_data(net::OutQueue& frames, size_t size);
  void on_head_sent(size_t size, bool ended);
  void on_data_sent(size_t size, bool ended);
  /// Nothing goes to the client or comes from it any more. `error`: as RST_STREAM says it.
  void on_closed(uint32_t error);

  // --- From the connection ---
  /// Output was made: copies what is still borrowed, and tells the exchange of room.
  void settle();
  /// Has the client send no more of a request that is answered.
  void stop_request();
  /// The client is gone. What goes on without it may outlive the connection's socket.
  void on_connection_lost();
  void abort(uint16_t status);
  /// The connection is to end; whatever session it has knows now.
  void on_draining();
  /// The head has taken too long.
  void give_up_on_head();
  int32_t id() const { return id_; }
  /// As RFC 9218 says it, which knows better than dependencies.
  void set_priority(http::Priority priority);
  /// Its place among the client's dependencies, if there are any.
  void take_place();
  bool refused() const { return refused_; }
  uint32_t head_size() const { return fields_ ? fields_->size() : 0; }

  // http::Downstream
  void send_informational(uint16_t status, const http::HeaderList& headers) override;
  void send_head(Exchange& exchange, bool no_body) override;
  void send_body(const http::Piece& piece) override;
  void flush() override;
  size_t unsent() const override;
  void read_body(bool on) override;
  bool discard_body() override;
  void upgrade() override;
  void finished(Exchange& exchange, bool keep) override;
  http::ConnectionFacts& connection() override;
  http::WebTransportCarrier* webtransport() override;

 private:
  enum class Head : uint8_t { none, queued, sent };

  // http::IncomingBody::Stream
  void consumed(size_t bytes) override;
  void note_malformed() override;
  void break_off() override;
  void on_body_timeout() override { give_up_on_client(); }
  // WebTransportSession::Host
  void produce_later() override;
  void fail(uint32_t error) override;
  size_t sessions() const override;
  // DataThread::TurnEnd
  void on_turn_end() override { session_->produce(); }

  void begin();
  void refuse(const http::Refusal& refusal);
  void take_priority();
  void order(http::Priority priority);
  void grow_window();
  bool submit_trailers();
  void read_file(const net::OutQueue::FilePart& part, std::span<char> into);
  void output();
  void reset(uint32_t error);
  void end_exchange();
  void on_send_timeout();
  void give_up_on_client();

  ServerConnection& connection_;
  uint64_t request_number_;  ///< the exchange asks for it when it begins
  std::unique_ptr<Exchange> exchange_;
  std::optional<http::RequestFields> fields_;  ///< while the head comes
  http::IncomingBody body_;
  std::unique_ptr<WebTransportSession> session_;  ///< that it opens, if it opens one
  net::OutQueue pending_;                         ///< of the response's body
  Timer send_timer_;
  uint64_t left_ = 0;  ///< of the length that the response has promised
  http::Priority priority_;
  int32_t id_;
  Head head_ = Head::none;
  bool prioritized_ = false;  ///< by RFC 9218
  bool refused_ = false;      ///< by its head
  bool counted_ = false;      ///< the response has promised a length
  bool last_given_ = false;   ///< the exchange has given all of the response
  bool end_sent_ = false;     ///< END_STREAM is out
  bool deferred_ = false;     ///< nghttp2 waits for data
  bool waiting_ = false;      ///< the exchange waits for room
  bool progressed_ = false;   ///< something has left since it was last looked at
  bool in_output_ = false;    ///< it is the exchange that calls
  bool window_grown_ = false;
  bool file_cut_short_ = false;
  bool extended_ = false;       ///< an extended CONNECT
  bool opens_session_ = false;  ///< …of WebTransport
  bool reset_ = false;          ///< RST_STREAM is on its way
  bool closed_ = false;         ///< nghttp2 has forgotten the stream
};

}  // namespace sluice::h2
