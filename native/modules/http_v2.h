#pragma once

#include <cstdint>

#include "proxy/module.h"

namespace sluice {

/// https://nginx.org/en/docs/http/ngx_http_v2_module.html; members named as the directives, without
/// their `http2_`.
struct V2Conf : ModuleConf {
  static constexpr ModuleId id = ModuleId::http_v2;
  bool enabled = false;  ///< `http2 on`
  uint32_t max_concurrent_streams = 128;
  uint32_t body_preread_size = 64 * 1024;
  uint32_t chunk_size = 8 * 1024;
  uint32_t recv_buffer_size = 256 * 1024;
  // Sluice's own (http/h2/flood_guard.h).
  uint32_t max_resets = 256;
  uint32_t max_control_frames = 1024;
};

extern const Module http_v2;

}  // namespace sluice
