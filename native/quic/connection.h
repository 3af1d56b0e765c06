#pragma once

#include <ngtcp2/ngtcp2.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/intrusive_list.h"
#include "base/timer.h"
#include "net/address.h"
#include "net/datagrams.h"
#include "quic/application.h"
#include "quic/connection_id.h"
#include "quic/handshake.h"
#include "quic/host_keys.h"
#include "quic/stop_sending.h"

namespace sluice::quic {

class Endpoint;

enum class CongestionControl : uint8_t { reno, cubic, bbr };

/// What a server offers its clients (RFC 9000, 18.2). Times are milliseconds, sizes bytes.
struct TransportSettings {
  uint64_t idle_timeout = 75'000;
  uint64_t handshake_timeout = 60'000;
  uint64_t stream_window = 64 * 1024;
  uint64_t max_streams = 128;  ///< at once, of the client's bidirectional ones
  uint64_t max_unidirectional_streams = 3;
  uint64_t max_datagram_size = 0;  ///< of a DATAGRAM frame; 0: none is taken (RFC 9221)
  uint64_t active_connection_id_limit = 2;
  CongestionControl congestion_control = CongestionControl::cubic;
  bool retry = false;         ///< every client has to prove its address first
  bool segmentation = false;  ///< UDP_SEGMENT
};

/// A server's connection, ngtcp2's, with what surrounds it: TLS, timers, packets. The endpoint owns
/// it, and keeps it for a while after its end (RFC 9000, 10.2).
class Connection final : public ListHook<struct ConnectionsToWrite>,
                         public ListHook<struct ConnectionsOfEndpoint> {
 public:
  /// What the client's first packet says.
  struct Beginning {
    const ngtcp2_pkt_hd& header;
    const net::Address& remote;
    const net::Address& local;
    TokenVerdict token;
  };
  explicit Connection(Endpoint& endpoint) : endpoint_(endpoint) {}
  ~Connection();

  /// False: ngtcp2 refuses.
  bool begin(const Beginning& beginning, const TransportSettings& settings,
             Application& application, tls::SslPtr ssl, bool early_data, uint64_t now);

  // --- For the application ---
  /// Null once the handshake is complete.
  SSL* ssl() const { return handshake_ ? handshake_->ssl() : nullptr; }
  /// Goes on with a handshake that a callback of OpenSSL has paused.
  void resume_handshake();
  const net::Address& remote() const { return remote_; }
  const net::Address& local() const { return local_; }
  /// A stream of ours; -1: the client allows none.
  int64_t open_stream(bool bidirectional = false);
  /// The client may open one more unidirectional stream.
  void allow_stream();
  /// Of a datagram that the client takes and a packet has room for; 0: it takes none.
  size_t max_datagram_size() const;
  /// Something is ready to be sent.
  void wants_to_send();
  /// The client may send so much more, on the stream and on the connection.
  void consume(int64_t stream, uint64_t bytes);
  /// Of a stream that takes no more: on the connection alone.
  void consume(uint64_t bytes);
  /// Gives up our side of a stream, or asks the client to give up its own.
  void reset_stream(int64_t stream, uint64_t error);
  void stop_stream(int64_t stream, uint64_t error);
  /// Ends the connection, at the turn's end, with an error of the application's. on_closed()
  /// follows.
  void close(uint64_t error, std::string_view reason);

  // --- For the endpoint ---
  void receive(const net::Datagram& datagram, uint64_t now);
  /// Sends what is due; at the turn's end.
  void write(uint64_t now);
  /// Ends it now: the application is told, a last packet leaves if there is room.
  void terminate();
  const std::vector<ConnectionId>& ids() const { return ids_; }
  void add_id(const ConnectionId& id) { ids_.push_back(id); }
  bool handshaking() const { return counted_as_handshaking_; }

 private:
  friend struct ConnectionCallbacks;
  enum class State : uint8_t { open, closing, draining, gone };
  struct Train;

  ngtcp2_ssize write_packet(std::span<uint8_t> room, ngtcp2_path_storage& path,
                            ngtcp2_pkt_info& info, uint64_t now);
  std::optional<ngtcp2_ssize> write_datagrams(std::span<uint8_t> room, ngtcp2_path_storage& path,
                                              ngtcp2_pkt_info& info, uint64_t now);
  void write_packets(uint64_t now);
  int install_initial_keys(std::span<const uint8_t> client_id);
  void on_handshake_complete();
  void note_stops();
  void forget_stop(int64_t stream);
  void note_path(const ngtcp2_path& path);
  void on_timer();
  void set_timer(uint64_t now);
  bool defers_probes(uint64_t now) const;
  void fail(int error, uint64_t now);
  void send_close(const ngtcp2_connection_close_error& error, uint64_t now);
  void repeat_close();
  void drain();
  void end(State state, std::string_view reason);
  void finish_handshake();

  Endpoint& endpoint_;
  ngtcp2_conn* connection_ = nullptr;
  std::unique_ptr<Handshake> handshake_;
  Application* application_ = nullptr;  ///< null: it knows that the end has come
  net::Address remote_;
  net::Address local_;
  std::vector<ConnectionId> ids_;  ///< by which the endpoint finds it
  Timer timer_;
  struct Close {
    uint64_t error;
    std::string reason;
  };
  std::optional<Close> close_requested_;
  std::vector<uint8_t> close_packet_;
  std::vector<StopSending> early_stops_;  ///< of streams that the application doesn't know yet
  uint64_t handshake_done_at_ = 0;        ///< ns; 0: it goes on
  uint64_t sent_ = 0;                     ///< bytes
  uint32_t packets_after_close_ = 0;
  State state_ = State::open;
  bool counted_as_handshaking_ = false;
  bool takes_datagrams_ = false;
  bool acknowledged_ = false;  ///< bytes of a stream were
};

}  // namespace sluice::quic
