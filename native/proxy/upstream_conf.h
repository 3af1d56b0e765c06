#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "net/address.h"
#include "proxy/header_names.h"
#include "proxy/plan.h"
#include "proxy/template.h"

namespace sluice {

class Runtime;
class UpstreamGroup;
struct UpstreamTlsConf;

/// What a request may be tried elsewhere for (`proxy_next_upstream`): a set of these.
namespace next_upstream {
enum : uint32_t {
  error = 1 << 0,
  timeout = 1 << 1,
  invalid_header = 1 << 2,
  http_500 = 1 << 3,
  http_502 = 1 << 4,
  http_503 = 1 << 5,
  http_504 = 1 << 6,
  http_403 = 1 << 7,
  http_404 = 1 << 8,
  http_429 = 1 << 9,
  updating = 1 << 10,
  no_live = 1 << 11,
  non_idempotent = 1 << 12,
};
}

/// What every module that passes requests on has in its configuration, under directives that differ
/// by their prefix
/// (`proxy_read_timeout`, `fastcgi_read_timeout` …); src/proxy/plan/upstream-conf.ts. Times in ms,
/// sizes in bytes.
struct UpstreamConf {
  UpstreamConf();
  ~UpstreamConf();
  void read(Runtime& runtime, const plan::Node& node);

  UpstreamGroup* group = nullptr;  ///< null: the request decides
  uint32_t connect_timeout = 60'000;
  uint32_t send_timeout = 60'000;
  uint32_t read_timeout = 60'000;

  uint32_t next_on = next_upstream::error | next_upstream::timeout;
  uint32_t next_tries = 0;    ///< 0: as many as there are peers
  uint32_t next_timeout = 0;  ///< 0: none

  size_t buffer_size = 4096;  ///< the longest response head
  uint32_t buffer_count = 8;
  size_t buffers_size = 4096;
  size_t busy_size = 8192;
  uint64_t max_temp_file_size = uint64_t{1} << 30;
  size_t temp_file_write_size = 8192;
  std::string_view temp_path;
  std::vector<uint8_t> temp_levels;

  bool buffering = true;
  bool request_buffering = true;
  bool ignore_client_abort = false;
  bool intercept_errors = false;
  bool force_ranges = false;
  bool pass_request_headers = true;
  bool pass_request_body = true;
  bool pass_trailers = false;
  Template limit_rate;

  // --- Sockets ---
  Template bind;  ///< an address, perhaps with variables
  std::optional<net::Address> bind_address;
  bool bind_transparent = false;
  bool socket_keepalive = false;
  bool on_kernel = false;  ///< whichever stack runs (proxy_kernel_network_stack)
  int receive_buffer = 0;
  int send_buffer = 0;

  std::unique_ptr<UpstreamTlsConf> tls;  ///< null: no connection is secured

  // --- Response heads ---
  HeaderNames hidden;
  bool ignore_accel_redirect = false;
  bool ignore_accel_limit_rate = false;
  bool ignore_accel_buffering = false;
  bool ignore_accel_charset = false;

  std::string_view resolver;  ///< told to the control thread as it is; empty: none
  uint32_t resolver_timeout = 30'000;
};

}  // namespace sluice
