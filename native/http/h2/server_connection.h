#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/timer.h"
#include "http/downstream.h"
#include "http/h2/dependency_tree.h"
#include "http/h2/flood_guard.h"
#include "http/h2/priority_frames.h"
#include "http/h2/server_stream.h"
#include "http/h2/session.h"
#include "http/h2/webtransport_windows.h"
#include "http/priority.h"
#include "net/out_queue.h"
#include "net/stack.h"
#include "proxy/data_thread.h"

namespace sluice {
struct CoreConf;
struct V2Conf;
struct WebTransportConf;
}  // namespace sluice

namespace sluice::h2 {

/// A client's HTTP/2 connection (RFC 9113): nghttp2's session between the socket and the streams.
/// The frames that a turn of the event loop brings about leave together when it ends.
class ServerConnection final : public ClientConnection,
                               private net::Stream::Consumer,
                               private DataThread::TurnEnd {
 public:
  /// Takes the connection over. `first`: bytes that were read to find out that it speaks HTTP/2.
  static void accept(DataThread& thread, const ListenAddress& listen, net::StreamPtr stream,
                     const http::ConnectionFacts& facts, std::string_view first = {});
  ServerConnection(DataThread& thread, net::StreamPtr stream, const http::ConnectionFacts& facts);
  ~ServerConnection() override;

  // ClientConnection
  void drain() override;
  void terminate() override;

  // --- For its streams ---
  DataThread& thread() { return thread_; }
  http::ConnectionFacts& facts() { return facts_; }
  nghttp2_session* session() { return session_.get(); }
  const Server& server() const;
  const V2Conf& conf() const { return conf_; }
  /// Makes frames of what streams have, unless nghttp2 is on the stack: then when it returns.
  void produce();
  /// As produce(), at the turn's end at the latest.
  void produce_later() { thread_.at_turn_end(*this); }
  void settle_later(ServerStream& stream);
  /// Calls stop_request(): what has come in this turn may be all there is of it.
  void stop_request_later(ServerStream& stream);
  /// The client takes no more for now.
  bool is_full() const;
  /// A stream has ended before its answer, by the client's doing.
  void note_reset();
  FloodGuard& guard() { return guard_; }
  /// What a PRIORITY_UPDATE has said of a stream before it came.
  std::optional<http::Priority> early_priority(int32_t id);
  /// The client's dependencies; null: it has named none.
  DependencyTree* dependencies() { return dependencies_.get(); }
  /// What sessions of WebTransport may take; null: no location has them.
  const WebTransportConf* webtransport() const { return webtransport_; }
  const WebTransportWindows& client_windows() const { return client_windows_; }
  size_t sessions() const { return sessions_; }
  void add_session();
  void remove_session() { --sessions_; }
  /// The stream is done with.
  void remove(ServerStream& stream);

 private:
  enum class State : uint8_t {
    opening,    ///< the preface has not come
    open,       ///< …and requests may
    lingering,  ///< closing: what the client still sends is read and dropped
    lost,       ///< the client is gone; some exchanges go on without it
    closed,
  };

  // net::Stream::Consumer
  void on_data(std::span<const char> data) override;
  void on_end() override;
  void on_writable() override;
  void on_error(int error) override;

  // DataThread::TurnEnd
  void on_turn_end() override;

  // --- Of nghttp2 (server_session.cc) ---
  friend struct SessionCallbacks;
  void make_session();
  void receive(std::string_view input);
  bool open(std::string_view& input);
  void take_frame(std::string_view frame);
  void join_block(std::string_view frame, bool ends);
  void announce_concurrency(std::string_view settings);
  bool begin_stream(int32_t id, bool ended);
  ServerStream* stream_of(int32_t id);
  int add_field(ServerStream* stream, bool trailer, std::string_view name, std::string_view value);

  // --- Frames that are no requests (server_control.cc) ---
  bool begin_control_frame(const nghttp2_frame_hd& head);
  bool is_stale(const nghttp2_frame_hd& head);
  bool take_window_update(uint32_t increment);
  void take_priority_update(int32_t on_stream);
  void take_dependency(int32_t id, const nghttp2_priority_spec& said);
  void offer_sessions(std::vector<nghttp2_settings_entry>& settings);
  /// Ends the connection with ENHANCE_YOUR_CALM, which is counted.
  void calm(const char* why = "http2 flood detected");

  void hand_over();
  /// Whatever there is, to the stream below.
  void send_all();
  bool is_connected() const { return state_ == State::opening || state_ == State::open; }
  void rest();
  void go_away();
  /// The connection ends with this error; nghttp2 may be on the stack.
  void fail(uint32_t error);
  void write_goaway(uint32_t error);
  void abort_streams(uint16_t status);
  void finish();
  void extend_lingering();
  void lose();
  void close();
  void on_read_timeout();
  void on_silence();
  void on_send_timeout();
  void watch_sending();
  void limit_requests();
  const CoreConf& core() const;
  [[gnu::format(printf, 4, 5)]] void log(LogLevel level, int error, const char* format, ...);
  static void append_log_context(LogLine& line, const void* object);

  DataThread& thread_;
  const V2Conf& conf_;
  const WebTransportConf* webtransport_ = nullptr;
  WebTransportWindows client_windows_;
  net::StreamPtr stream_;
  http::ConnectionFacts facts_;
  std::string remote_text_;
  SessionPtr session_;
  net::OutQueue frames_;    ///< made and not handed to the stream yet
  std::string opening_;     ///< the preface and the first frame's head, as far as they have come
  std::string long_block_;  ///< a header block of several frames, as one; and as it came
  std::string long_block_pieces_;
  IntrusiveList<ServerStream, struct StreamsOfConnection> streams_;
  IntrusiveList<ServerStream, struct StreamsToSettle> to_settle_;
  IntrusiveList<ServerStream, struct StreamsToStop> to_stop_;
  Timer read_timer_;
  Timer send_timer_;
  Timer silence_timer_;  ///< while there are sessions of WebTransport
  FloodGuard guard_;
  /// Priorities of streams to come; the oldest is forgotten first.
  struct EarlyPriority {
    int32_t stream = 0;
    http::Priority priority;
  };
  std::array<EarlyPriority, 8> early_priorities_;
  size_t next_early_priority_ = 0;
  PriorityFrames priority_frames_;
  std::unique_ptr<DependencyTree> dependencies_;
  std::string priority_update_;  ///< payload of the frame that is coming
  uint64_t linger_until_ms_ = 0;
  uint32_t stream_count_ = 0;
  uint32_t sessions_ = 0;         ///< of WebTransport
  uint32_t block_size_ = 0;       ///< of the header block that is coming
  uint32_t block_list_size_ = 0;  ///< of its names and values
  int32_t last_stream_id_ = 0;
  State state_ = State::opening;
  bool failed_ = false;  ///< a connection error: GOAWAY says why
  bool within_session_ = false;
  bool producing_ = false;
  bool produce_again_ = false;
  bool in_header_block_ = false;
  bool head_given_up_ = false;  ///< it has taken too long
  bool lent_ = false;           ///< frames_ has borrowed bytes
  bool settings_sent_ = false;
  bool settings_acknowledged_ = false;
  bool swallow_acknowledgement_ = false;  ///< of a SETTINGS that the client has not sent
  bool going_away_ = false;
  bool has_reset_ = false;  ///< a stream of which more may be on its way
  bool dependencies_changed_ = false;
  bool idle_ = true;    ///< no request is in progress
  bool asked_ = false;  ///< a PING whether the client is still there has had no answer
};

}  // namespace sluice::h2
