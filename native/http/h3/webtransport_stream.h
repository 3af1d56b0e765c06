#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/intrusive_list.h"
#include "http/h3/frames.h"
#include "http/h3/sending_stream.h"
#include "http/webtransport.h"
#include "proxy/disposable.h"
#include "quic/varint.h"

namespace sluice::h3 {

class WebTransport;
class WebTransportSession;

/// A QUIC stream of a WebTransport session (draft-ietf-webtrans-http3, 4.1 and 4.2). Lives as long
/// as QUIC knows it.
class WebTransportStream final : public http::WebTransportStream,
                                 public SendingStream,
                                 public Disposable,
                                 public ListHook<struct StreamsOfSession>,
                                 public ListHook<struct StreamsWithoutSession> {
 public:
  using Bytes = std::span<const uint8_t>;

  WebTransportStream(WebTransport& all, int64_t stream);

  // --- From QUIC ---
  void on_data(Bytes bytes, bool end);
  void on_reset(uint64_t error);
  /// The client wants no more.
  void on_stopped(uint64_t error);
  void on_closed();

  // --- From its session and the others' ---
  /// One of ours begins: says whose it is.
  void open(WebTransportSession& session);
  /// Of a client's, when its session is there: what has come before is told.
  void join(WebTransportSession& session);
  /// The session that the client has named; known once all of its number has come.
  uint64_t session_id() const { return session_id_; }
  /// Nobody wants it: both sides are given up.
  void refuse(Error error);
  /// Its session is over.
  void leave();
  uint64_t waiting_since = 0;  ///< for its session, monotonic ms

  // SendingStream
  void note_sent(size_t bytes) override;
  void note_acknowledged(uint64_t bytes) override;
  // http::WebTransportStream
  void write(Bytes bytes) override;
  void finish() override;
  void reset(uint32_t code) override;
  void stop(uint32_t code) override;
  void consume(size_t bytes) override;

 private:
  bool ours() const { return (id & 1) != 0; }
  bool sends() const;
  void give_up(uint64_t error);
  void ask_to_stop(uint64_t error);
  void note_progress();
  void note_end();

  WebTransport& all_;
  WebTransportSession* session_ = nullptr;
  quic::VarintReader number_;
  uint64_t session_id_ = 0;
  std::vector<uint8_t> early_;  ///< came before its session
  uint64_t early_error_ = 0;
  std::optional<uint64_t> early_stop_;  ///< the client's error
  uint64_t written_ = 0;                ///< with what it begins
  uint64_t arrived_ = 0;
  size_t head_left_ = 0;  ///< of what it begins with, not sent yet
  bool named_ = false;    ///< the session's number is complete
  bool refused_ = false;  ///< nobody wants what comes
  bool early_end_ = false;
  bool early_reset_ = false;
  bool end_sent_ = false;
  bool finished_told_ = false;
  bool over_ = false;  ///< our side was given up
};

}  // namespace sluice::h3
