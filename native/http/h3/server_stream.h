#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/intrusive_list.h"
#include "base/recycled.h"
#include "base/timer.h"
#include "http/downstream.h"
#include "http/field_section.h"
#include "http/h3/frames.h"
#include "http/h3/qpack.h"
#include "http/h3/sending_stream.h"
#include "http/h3/webtransport_session.h"
#include "http/incoming_body.h"
#include "proxy/data_thread.h"
#include "proxy/disposable.h"

namespace sluice {
class Exchange;
}

namespace sluice::h3 {

class ServerConnection;

/// One request of an HTTP/3 connection and its response. Lives until both QUIC and the exchange are
/// done with it.
class ServerStream final : public http::Downstream,
                           public Disposable,
                           public Recycled<ServerStream>,
                           public SendingStream,
                           public ListHook<struct StreamsOfConnection>,
                           public ListHook<struct StreamsBlocked>,
                           public ListHook<struct StreamsToSettle>,
                           private http::IncomingBody::Stream {
 public:
  ServerStream(ServerConnection& connection, int64_t stream);
  ~ServerStream() override;

  // --- From QUIC ---
  void on_data(std::span<const uint8_t> bytes, bool end);
  /// The client gives up its side.
  void on_reset();
  /// The client wants no more of the response.
  void on_stopped();
  /// Nothing goes to the client or comes from it any more.
  void on_closed();
  /// The table has what the head waited for.
  void on_table_grown();

  // --- From the connection ---
  /// What the value says put over `base`.
  void set_priority(std::string_view field_value, http::Priority base = {});
  /// Output was made: tells the exchange of room.
  void settle();
  void note_sent(size_t bytes) override;
  void note_acknowledged(uint64_t bytes) override;
  void on_connection_lost();
  void abort(uint16_t status);
  /// Its answer isn't complete.
  bool in_progress() const { return exchange_ != nullptr; }
  /// Whether its request was given up before it was answered.
  bool was_cancelled() const { return cancelled_; }

  // http::Downstream
  void send_informational(uint16_t status, const http::HeaderList& headers) override;
  void send_head(Exchange& exchange, bool no_body) override;
  void send_body(const http::Piece& piece) override;
  void flush() override;
  size_t unsent() const override;
  void read_body(bool on) override { body_.read(on); }
  bool discard_body() override;
  void upgrade() override { body_.upgrade(); }
  void finished(Exchange& exchange, bool keep) override;
  http::ConnectionFacts& connection() override { return facts_; }
  http::WebTransportCarrier* webtransport() override;

 private:
  enum class Phase : uint8_t { head, body, trailers, over };
  using Bytes = std::span<const uint8_t>;
  /// Of the bytes that are no body; more are a flood, unless there is eight times as much body.
  static constexpr uint64_t tolerated_overhead = 128 * 1024;

  // http::IncomingBody::Stream
  void consumed(size_t bytes) override;
  void note_malformed() override { cancelled_ = true; }
  void break_off() override;
  void on_body_timeout() override { give_up_on_client(); }

  // --- The request (server_stream.cc, server_stream_body.cc) ---
  void read(Bytes input);
  bool note_overhead(size_t bytes);
  bool begin_frame();
  bool read_payload(Bytes payload);
  bool end_frame();
  bool read_section(Bytes payload);
  bool add_field(std::string_view name, std::string_view value);
  void on_request_end();
  void on_head();
  bool take_path();
  void refuse(const http::Refusal& refusal);
  void read_hq(Bytes input);
  void on_hq_request(std::string_view line);
  void on_body(Bytes data);
  void on_head_timeout();
  void on_send_timeout();
  void give_up_on_client();
  void give_up_stopped();
  void stop_waiting_for_table();
  void stop_reading(Error error);

  // --- The response (server_stream_output.cc) ---
  void write_data_head(uint64_t size);
  void output();
  void reset(Error error);
  void end_exchange();
  void leave();

  ServerConnection& connection_;
  http::ConnectionFacts facts_;
  net::Address remote_;
  net::Address local_;
  std::unique_ptr<Exchange> exchange_;
  std::optional<http::RequestFields> fields_;  ///< while the head comes
  std::optional<SectionDecoder> section_;
  FrameReader frames_;
  std::vector<uint8_t> held_;  ///< came while the head waited for the table
  size_t held_section_ = 0;    ///< of it, what is the head's own
  size_t unread_ = 0;          ///< of the input in hand, what lies behind the frame being read
  std::unique_ptr<WebTransportSession> session_;  ///< that it opens, if it opens one
  http::IncomingBody body_;
  Timer head_timer_;
  Timer send_timer_;
  uint64_t overhead_ = 0;      ///< bytes that are no body
  uint64_t trailer_size_ = 0;  ///< of names and values
  uint64_t head_size_ = 0;     ///< of HEADERS frames, on the wire
  uint64_t left_ = 0;          ///< of the length that the response has promised
  Phase phase_ = Phase::head;
  bool refused_ = false;  ///< by its head
  bool waiting_for_table_ = false;
  bool end_held_ = false;  ///< the request's end has come, not all of it was read perhaps
  bool reading_stopped_ = false;
  bool awaits_end_ = false;     ///< answered: the request is stopped once the client has the answer
  bool counted_ = false;        ///< the response has promised a length
  bool last_given_ = false;     ///< the exchange has given all of the response
  bool waiting_ = false;        ///< the exchange waits for room
  bool progressed_ = false;     ///< something has left since it was last looked at
  bool extended_ = false;       ///< an extended CONNECT
  bool opens_session_ = false;  ///< …of WebTransport
  bool reset_ = false;          ///< our side was given up
  bool stopped_ = false;        ///< by the client, and the exchange doesn't know yet
  bool closed_ = false;         ///< QUIC has forgotten the stream
  bool cancelled_ = false;
};

}  // namespace sluice::h3
