#pragma once

#include <cstdint>
#include <string_view>

#include "proxy/module.h"

namespace sluice {

class WebTransportChannel;

/// WebTransport sessions that end in handlers on the control thread.
struct WebTransportConf : ModuleConf {
  static constexpr ModuleId id = ModuleId::http_webtransport;

  std::string_view handler;  ///< the module's file; empty: none here
  uint32_t max_sessions = 16;
  uint32_t max_streams = 128;
  uint32_t datagram_queue = 64;
  uint32_t buffer_size = 64 * 1024;
  uint32_t accept_timeout = 60'000;  ///< ms

  /// Whether any location has a handler.
  static bool in_use(Runtime& runtime);
};

extern const Module http_webtransport;

}  // namespace sluice
