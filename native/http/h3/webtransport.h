#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/intrusive_list.h"
#include "base/timer.h"
#include "http/h3/frames.h"
#include "http/h3/webtransport_session.h"
#include "http/h3/webtransport_stream.h"
#include "quic/varint.h"

namespace sluice {
struct WebTransportConf;
}

namespace sluice::h3 {

class ServerConnection;

/// The WebTransport sessions of one connection (draft-ietf-webtrans-http3): tells their streams
/// from requests, and finds whose streams and datagrams are. What comes before its session waits
/// for it.
class WebTransport {
 public:
  using Bytes = std::span<const uint8_t>;

  /// Null: no location has sessions.
  static std::unique_ptr<WebTransport> create(ServerConnection& connection);
  explicit WebTransport(ServerConnection& connection, const WebTransportConf& limits);
  ~WebTransport();

  static bool is_protocol(std::string_view protocol);
  uint64_t max_sessions() const;

  // --- From the connection ---
  /// Of a client's bidirectional stream that is no known request. False: it is one, of `bytes`,
  /// which may lie in `held`.
  bool take(int64_t stream, Bytes& bytes, bool end, std::vector<uint8_t>& held);
  /// A client's unidirectional stream of a session: what follows its type.
  void begin(int64_t stream, Bytes bytes, bool end);
  /// These return whether the stream is a session's.
  bool on_data(int64_t stream, Bytes bytes, bool end);
  bool on_reset(int64_t stream, uint64_t error);
  bool on_closed(int64_t stream);
  bool on_stopped(int64_t stream, uint64_t error);
  WebTransportStream* find(int64_t stream);
  void on_streams_allowed();
  void on_datagram(Bytes bytes);
  Bytes next_datagram(size_t most);
  void on_datagram_sent();
  /// That request is over: no session comes of it any more.
  void on_request_over(int64_t stream);
  /// The connection is to end. True: not before its sessions have, which know it now.
  bool drain();
  void on_connection_lost();

  // --- From sessions and streams ---
  ServerConnection& connection() { return connection_; }
  size_t sessions() const { return sessions_.size(); }
  void add(WebTransportSession& session) { sessions_.emplace(session.id(), &session); }
  void remove(WebTransportSession& session);
  /// What waits for a session.
  void hand_over(WebTransportSession& session);
  /// A client's stream has said whose it is.
  void place(WebTransportStream& stream);
  WebTransportStream* open(WebTransportSession& session, bool bidirectional);
  /// A client's unidirectional stream has come to its end.
  void on_ended(WebTransportStream& stream);
  void has_datagram(WebTransportSession& session);
  void consume(size_t bytes);

 private:
  /// In the place of unidirectional streams that have ended the client may open so many others:
  /// ngtcp2 0.12 never lets go of such a stream, so their number has to be bounded.
  static constexpr uint32_t most_replaced = 16 * 1024;

  struct WaitingDatagram {
    uint64_t session;
    std::vector<uint8_t> bytes;
  };

  WebTransportStream& make(int64_t stream);
  WebTransportSession* begun(uint64_t session);
  bool may_begin(uint64_t session) const;
  void on_patience_over();
  void bury(std::unique_ptr<WebTransportStream> stream);

  ServerConnection& connection_;
  const WebTransportConf& limits_;
  std::unordered_map<int64_t, std::unique_ptr<WebTransportStream>> streams_;
  std::unordered_map<int64_t, WebTransportSession*> sessions_;
  /// Streams of which too little has come to tell what they are.
  std::unordered_map<int64_t, std::vector<uint8_t>> undecided_;
  IntrusiveList<WebTransportStream, StreamsWithoutSession> waiting_;
  size_t waiting_count_ = 0;
  std::deque<WaitingDatagram> waiting_datagrams_;
  IntrusiveList<WebTransportSession, SessionsWithDatagrams> sending_;
  Timer patience_;
  uint32_t replaced_ = 0;
  bool draining_ = false;
};

}  // namespace sluice::h3
