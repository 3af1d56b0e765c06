#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "http/downstream.h"
#include "http/h3/frames.h"
#include "http/h3/qpack.h"
#include "http/h3/sending_stream.h"
#include "http/h3/server_stream.h"
#include "proxy/data_thread.h"
#include "proxy/virtual_server_handshake.h"
#include "quic/application.h"
#include "quic/connection.h"

namespace sluice {
struct CoreConf;
struct V3Conf;
}  // namespace sluice

namespace sluice::h3 {

class WebTransport;

/// A client's HTTP/3 connection (RFC 9114): from its first packet on, so that TLS asks it which
/// server is meant. Streams take turns by their priorities (RFC 9218).
class ServerConnection final : public ClientConnection,
                               public quic::Application,
                               private VirtualServerHandshake {
 public:
  ServerConnection(DataThread& thread, const ListenAddress& listen, quic::Connection& transport,
                   const http::ConnectionFacts& facts);
  ~ServerConnection() override;

  /// The TLS side of the connection; null when the server has no certificate.
  tls::SslPtr start_tls();
  bool early_data() const;

  // ClientConnection
  void drain() override;
  void terminate() override;
  // quic::Application
  void on_closed(std::string_view reason) override;

  // --- For its streams ---
  DataThread& thread() { return thread_; }
  const http::ConnectionFacts& facts() const { return facts_; }
  /// Null once the client is gone.
  quic::Connection* transport() { return transport_; }
  QpackDecoder& qpack();
  /// Says to the client's encoder what there is to say.
  void tell_encoder();
  /// A stream waits for insertions into the table; false: too many do.
  bool wait_for_table(ServerStream& stream);
  const Server& server() const;
  /// Null: there are no sessions.
  WebTransport* webtransport() { return webtransport_.get(); }
  /// Whether that stream may still become a session, or is one.
  bool may_be_session(int64_t stream) const;
  bool speaks_hq() const { return hq_; }
  void ready(SendingStream& stream);
  /// At the end of the connection's own work.
  void settle_later(ServerStream& stream);
  /// A stream has been given all of its answer.
  void linger();
  /// The stream is done with.
  void remove(ServerStream& stream);
  void close(Error error, std::string_view reason);
  /// The client only keeps us busy.
  void end_flood();
  [[gnu::format(printf, 4, 5)]] void log(LogLevel level, int error, const char* format, ...);

 private:
  static constexpr int urgencies = 8;
  /// Requests that were cancelled before they were answered: so many, and more than half of all.
  static constexpr uint64_t tolerated_cancellations = 200;
  /// Of unidirectional streams, in bytes: so many, and so many for each request.
  static constexpr uint64_t tolerated_overhead = 256 * 1024;
  static constexpr uint64_t overhead_per_request = 32 * 1024;

  /// What a stream of the client's, that is not a request, turns out to be.
  struct ClientStream {
    quic::VarintReader type_reader;
    uint64_t type = 0;
    bool known = false;
    bool ignored = false;
  };

  // quic::Application
  void on_ready() override;
  void on_handshake_complete() override;
  void on_stream_data(int64_t stream, std::span<const uint8_t> bytes, bool end) override;
  void on_stream_reset(int64_t stream, uint64_t error) override;
  void on_stream_closed(int64_t stream) override;
  void on_acknowledged(int64_t stream, uint64_t bytes) override;
  void on_datagram(std::span<const uint8_t> bytes) override;
  std::span<const uint8_t> next_datagram(size_t most) override;
  void on_datagram_sent() override;
  void on_streams_allowed() override;
  quic::Outgoing next_outgoing() override;
  void on_sent(int64_t stream, size_t bytes, bool end) override;
  void on_stream_blocked(int64_t stream) override;
  void on_stream_room(int64_t stream) override;
  bool on_stream_stopped(int64_t stream, uint64_t error) override;
  void on_output_made() override;
  void on_migrated(const net::Address& remote, const net::Address& local) override;

  // VirtualServerHandshake
  std::span<const unsigned char> protocols() override;
  void resume() override { transport_->resume_handshake(); }
  void on_client_checked() override;

  // --- The client's unidirectional streams (server_connection_control.cc) ---
  void on_unidirectional(int64_t stream, std::span<const uint8_t> bytes, bool end);
  bool begin_unidirectional(int64_t stream, ClientStream& state);
  void read_control(std::span<const uint8_t> bytes);
  bool begin_control_frame();
  bool end_control_frame();
  bool read_settings(std::span<const uint8_t> payload);
  void update_priority(std::span<const uint8_t> payload);
  void read_encoder(std::span<const uint8_t> bytes);
  void send_settings();
  void send_goaway();

  ServerStream& begin_request(int64_t stream);
  SendingStream* sending(int64_t stream);
  void let_go_of_tls();
  void rest();
  void note_addresses();
  void on_keepalive_timeout();
  const V3Conf& conf() const;
  const CoreConf& core() const;
  static void append_log_context(LogLine& line, const void* object);

  quic::Connection* transport_;
  tls::SslPtr ssl_;  ///< until all is known of the client
  net::Address remote_;
  net::Address local_;
  std::string remote_text_;
  /// What came while it was asked whether the client's certificate is revoked.
  struct Held {
    int64_t stream;
    std::vector<uint8_t> bytes;
    bool end;
  };
  std::vector<Held> held_;

  std::unique_ptr<QpackDecoder> qpack_;
  CriticalStream control_;
  CriticalStream qpack_encoder_;
  CriticalStream qpack_decoder_;
  std::unordered_map<int64_t, ClientStream> client_streams_;
  std::array<int64_t, 4> critical_{-1, -1, -1, -1};  ///< the client's, by type
  FrameReader control_frames_;
  std::string control_payload_;
  EncoderStreamCheck encoder_stream_;
  DecoderStreamCheck decoder_stream_;
  bool settings_received_ = false;

  std::unique_ptr<WebTransport> webtransport_;  ///< null: no location has sessions
  std::unordered_map<int64_t, ServerStream*> streams_;
  IntrusiveList<ServerStream, struct StreamsOfConnection> all_streams_;
  IntrusiveList<ServerStream, struct StreamsBlocked> blocked_;
  IntrusiveList<ServerStream, struct StreamsToSettle> to_settle_;
  std::array<IntrusiveList<SendingStream, struct StreamsReady>, urgencies> ready_;
  std::array<ngtcp2_vec, 8> vectors_;
  Timer keepalive_timer_;
  uint32_t keepalive_left_ms_ = 0;  ///< once the connection is no longer reserved_
  int64_t next_request_ = 0;        ///< the stream that would be the client's next
  uint64_t cancelled_ = 0;
  uint64_t overhead_ = 0;  ///< bytes of the client's unidirectional streams
  bool open_ = false;      ///< the handshake is complete
  bool hq_ = false;
  bool going_away_ = false;
  bool reserved_ = false;  ///< idle, and keepalive_min_timeout isn't over
  bool flooding_ = false;
};

}  // namespace sluice::h3
