#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "base/intrusive_list.h"
#include "http/h3/webtransport_stream.h"
#include "http/webtransport.h"

namespace sluice::h3 {

class ServerConnection;
class WebTransport;

/// What an HTTP/3 connection carries of one WebTransport session: the streams and datagrams that
/// bear the number of its CONNECT stream.
class WebTransportSession final : public http::WebTransportCarrier,
                                  public ListHook<struct SessionsWithDatagrams> {
 public:
  WebTransportSession(WebTransport& all, int64_t stream);
  ~WebTransportSession();

  int64_t id() const { return id_; }
  bool begun() const { return owner_ != nullptr; }
  /// Once it has begun.
  http::WebTransportSession& owner() { return *owner_; }
  void add(WebTransportStream& stream) { streams_.push_back(stream); }
  /// To send next.
  std::span<const uint8_t> datagram() const;
  /// It has left, or is given up.
  void drop_datagram();

  // http::WebTransportCarrier
  size_t sessions() const override;
  bool is_reliable() const override { return false; }
  void begin(http::WebTransportSession& owner) override;
  WebTransportStream* open(bool bidirectional) override;
  void consume(size_t bytes) override;
  void send_datagram(std::span<const uint8_t> bytes, size_t most) override;
  size_t max_datagram_size() const override;
  /// QUIC counts streams by itself.
  void on_forgotten(bool) override {}
  const char* receive(std::span<const uint8_t> bytes) override;
  void on_room() override {}
  void flush() override {}
  void end() override;

 private:
  ServerConnection& connection_;
  WebTransport* all_;  ///< null: the session is over
  int64_t id_;
  http::WebTransportSession* owner_ = nullptr;
  http::CapsuleReader capsules_{http::use_of_session_capsule};
  IntrusiveList<WebTransportStream, StreamsOfSession> streams_;
  std::deque<std::vector<uint8_t>> datagrams_;  ///< with the session's number
};

}  // namespace sluice::h3
