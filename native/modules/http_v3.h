#pragma once

#include <memory>

#include "proxy/module.h"
#include "quic/connection.h"
#include "quic/host_keys.h"

namespace sluice {

/// QUIC and HTTP/3 of a server: https://nginx.org/en/docs/http/ngx_http_v3_module.html
struct V3Conf : ModuleConf {
  static constexpr ModuleId id = ModuleId::http_v3;

  bool enabled = true;               ///< http3
  bool hq = false;                   ///< http3_hq
  bool advertise = false;            ///< http3_advertise
  uint64_t max_table_capacity = 0;   ///< http3_max_table_capacity
  uint64_t max_blocked_streams = 0;  ///< http3_max_blocked_streams
  quic::TransportSettings transport;
  std::unique_ptr<quic::HostKeys> host_keys;  ///< of quic_host_key; null: not said
};

extern const Module http_v3;

}  // namespace sluice
