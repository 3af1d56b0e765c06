#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "http/webtransport.h"
#include "modules/webtransport_channel.h"

namespace sluice {

class WebTransportSession;

/// A session's stream on its way to the handler: what of it has not been told yet. Stays until both
/// the client's connection and the handler know its end.
class WebTransportHandledStream final : public WebTransportChannel::Source {
 public:
  WebTransportHandledStream(WebTransportSession& session, http::WebTransportStream& carried,
                            uint32_t number, uint8_t way);

  const uint32_t number;
  const uint8_t way;
  /// Null once it is gone.
  http::WebTransportStream* carried;

  // --- From the client's side ---
  void on_data(std::span<const uint8_t> bytes, bool end);
  void on_reset(uint32_t code);
  void on_stopped(uint32_t code);
  void on_sent(size_t bytes);
  void on_finished();
  void on_gone();
  // --- From the handler's ---
  void write(std::span<const uint8_t> bytes);
  /// The handler reads no more.
  void stop(uint32_t code);

  // WebTransportChannel::Source
  bool tell(std::string& batch, size_t most) override;

 private:
  enum class End : uint8_t { none, ended, reset, told };
  void has_news();

  WebTransportSession& session_;
  std::string received_;
  size_t unsent_ = 0;  ///< of the handler's bytes
  uint32_t room_ = 0;  ///< sent since it was last told
  uint32_t code_ = 0;
  End end_ = End::none;
  bool opened_told_ = false;
  std::optional<uint32_t> stopped_;  ///< the client's code
  bool finished_ = false;
  bool gone_ = false;
};

}  // namespace sluice
