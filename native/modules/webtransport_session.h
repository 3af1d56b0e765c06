#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/timer.h"
#include "http/webtransport.h"
#include "modules/webtransport_channel.h"
#include "modules/webtransport_handled_stream.h"
#include "modules/webtransport_message.h"
#include "proxy/exchange.h"

namespace sluice {

struct WebTransportConf;

/// One session between its client and its handler, from the request on: the exchange's content. In
/// its arena.
class WebTransportSession final : public http::WebTransportSession,
                                  private Exchange::Source,
                                  private WebTransportChannel::Source {
 public:
  WebTransportSession(Exchange& exchange, http::WebTransportCarrier& carrier,
                      WebTransportChannel& channel);
  ~WebTransportSession();

  /// Asks the handler whether it wants the session.
  void ask();
  void on_order(webtransport::Order order, uint32_t stream, std::string_view payload);

  // --- For its streams ---
  uint32_t number() const { return number_; }
  const WebTransportConf& conf() const { return conf_; }
  WebTransportChannel& channel() { return channel_; }
  /// The client may send so many bytes more; of a stream, if it is still there.
  void use(http::WebTransportStream* stream, size_t bytes);
  void count_sent(size_t bytes);
  void forget(WebTransportHandledStream& stream);

 private:
  enum class Phase : uint8_t { asked, open, closing, over };
  /// How long the client may take to end its side of a session that was closed.
  static constexpr uint64_t closing_ms = 5'000;

  // http::WebTransportSession
  bool on_stream(http::WebTransportStream& stream, bool bidirectional) override;
  void on_stream_data(http::WebTransportStream& stream, std::span<const uint8_t> bytes,
                      bool end) override;
  void on_stream_reset(http::WebTransportStream& stream, uint32_t code) override;
  void on_stream_stopped(http::WebTransportStream& stream, uint32_t code) override;
  void on_stream_sent(http::WebTransportStream& stream, size_t bytes) override;
  void on_stream_finished(http::WebTransportStream& stream) override;
  void on_stream_gone(http::WebTransportStream& stream) override;
  void on_streams_allowed() override;
  void on_datagram(std::span<const uint8_t> bytes) override;
  void on_draining() override;
  void on_close(uint32_t code, std::string_view reason) override;
  void on_drain() override;
  bool has_room() const override;
  void send(std::string_view capsules) override;
  // Exchange::Source
  void on_writable() override { carrier_.on_room(); }
  void on_abort() override;
  void on_tunnel_data(std::span<const char> bytes) override;
  void on_tunnel_end() override;
  // WebTransportChannel::Source
  bool tell(std::string& batch, size_t most) override;

  void accept(std::string_view protocol);
  void refuse(uint16_t status);
  void close(uint32_t code, std::string_view reason);
  void send_drain();
  void send_capsule(http::CapsuleType type, std::string_view payload, bool last);
  /// The session is over for its handler.
  void leave(uint32_t code, std::string_view reason);
  void finish();
  void on_timeout();
  void open_streams(bool bidirectional);
  WebTransportHandledStream& add(http::WebTransportStream& carried, bool bidirectional, bool ours);

  Exchange& exchange_;
  http::WebTransportCarrier& carrier_;
  WebTransportChannel& channel_;
  const WebTransportConf& conf_;
  std::unordered_map<uint32_t, std::unique_ptr<WebTransportHandledStream>> streams_;
  std::deque<std::string> datagrams_;  ///< of the client's, not told yet
  Timer timer_;
  uint64_t unused_ = 0;  ///< bytes of the client's that were not given back
  uint32_t number_;
  uint32_t last_stream_ = 0;
  uint32_t wanted_[2] = {0, 0};  ///< streams that the client doesn't allow yet, by direction
  uint32_t client_streams_[2] = {0, 0};
  Phase phase_ = Phase::asked;
  bool client_drains_ = false;  ///< it has asked for an end
  bool drains_ = false;         ///< we have
};

}  // namespace sluice
