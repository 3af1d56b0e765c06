#include "proxy/upstream_conf.h"

#include <string>

#include "proxy/runtime.h"
#include "proxy/upstream_group.h"
#include "proxy/upstream_tls.h"

namespace sluice {

namespace {

uint32_t next_condition(std::string_view name) {
  using namespace next_upstream;
  static constexpr std::pair<std::string_view, uint32_t> conditions[] = {
      {"error", error},       {"timeout", timeout},   {"invalid_header", invalid_header},
      {"http_500", http_500}, {"http_502", http_502}, {"http_503", http_503},
      {"http_504", http_504}, {"http_403", http_403}, {"http_404", http_404},
      {"http_429", http_429}, {"updating", updating}, {"non_idempotent", non_idempotent},
  };
  for (const auto& [known, condition] : conditions) {
    if (known == name) return condition;
  }
  return 0;
}

}  // namespace

UpstreamConf::UpstreamConf() = default;
UpstreamConf::~UpstreamConf() = default;

void UpstreamConf::read(Runtime& runtime, const plan::Node& node) {
  if (const plan::Node& index = node["upstream"]) {
    if (size_t(index.integer()) >= runtime.upstreams.size()) {
      runtime.fail("no upstream " + std::to_string(index.integer()));
      return;
    }
    group = runtime.upstreams[index.integer()].get();
  }
  connect_timeout = node["connectTimeout"].integer(connect_timeout);
  send_timeout = node["sendTimeout"].integer(send_timeout);
  read_timeout = node["readTimeout"].integer(read_timeout);

  next_on = 0;
  for (const plan::Node& condition : node["nextUpstream"].items()) {
    next_on |= next_condition(condition.text());
  }
  next_tries = node["nextUpstreamTries"].integer();
  next_timeout = node["nextUpstreamTimeout"].integer();

  buffer_size = node["bufferSize"].integer(buffer_size);
  buffer_count = node["buffers"].at(0).integer(buffer_count);
  buffers_size = node["buffers"].at(1).integer(buffers_size);
  busy_size = node["busyBuffersSize"].integer(busy_size);
  max_temp_file_size = node["maxTempFileSize"].integer(max_temp_file_size);
  temp_file_write_size = node["tempFileWriteSize"].integer(temp_file_write_size);
  const plan::Node& path = node["tempPath"];
  temp_path = path.at(0).text();
  for (size_t i = 1; i < path.size(); ++i) temp_levels.push_back(path.at(i).integer());

  buffering = node["buffering"].boolean(true);
  request_buffering = node["requestBuffering"].boolean(true);
  ignore_client_abort = node["ignoreClientAbort"].boolean();
  intercept_errors = node["interceptErrors"].boolean();
  force_ranges = node["forceRanges"].boolean();
  pass_request_headers = node["passRequestHeaders"].boolean(true);
  pass_request_body = node["passRequestBody"].boolean(true);
  pass_trailers = node["passTrailers"].boolean();
  limit_rate = Template::read(node["limitRate"]);

  const plan::Node& local = node["bind"];
  bind = Template::read(local["address"]);
  if (bind && bind.is_constant()) bind_address = net::Address::parse(bind.constant());
  bind_transparent = local["transparent"].boolean();
  socket_keepalive = node["socketKeepalive"].boolean();
  on_kernel = node["kernelNetworkStack"].boolean();
  receive_buffer = int(node["socketRcvbuf"].integer());
  send_buffer = int(node["socketSndbuf"].integer());

  tls = UpstreamTlsConf::read(runtime, node["tls"]);

  for (const plan::Node& name : node["hiddenHeaders"].items()) hidden.add(name.text());
  for (const plan::Node& ignored : node["ignoreHeaders"].items()) {
    std::string_view name = ignored.text();
    ignore_accel_redirect |= name == "x-accel-redirect";
    ignore_accel_limit_rate |= name == "x-accel-limit-rate";
    ignore_accel_buffering |= name == "x-accel-buffering";
    ignore_accel_charset |= name == "x-accel-charset";
  }

  resolver = node["resolver"].text();
  resolver_timeout = node["resolverTimeout"].integer(resolver_timeout);
}

}  // namespace sluice
