#include "modules/http_v3.h"

#include "proxy/exchange.h"
#include "proxy/runtime.h"

namespace sluice {

namespace {

quic::CongestionControl congestion_control(std::string_view word) {
  if (word == "bbr") return quic::CongestionControl::bbr;
  return word == "reno" ? quic::CongestionControl::reno : quic::CongestionControl::cubic;
}

std::unique_ptr<ModuleConf> read_conf(Runtime&, const plan::Node& node) {
  auto conf = std::make_unique<V3Conf>();
  conf->enabled = node["enabled"].boolean(true);
  conf->hq = node["hq"].boolean();
  conf->advertise = node["advertise"].boolean();
  conf->max_table_capacity = uint64_t(node["maxTableCapacity"].integer(4096));
  conf->max_blocked_streams = uint64_t(node["maxBlockedStreams"].integer(16));
  if (std::string_view key = node["hostKey"].text(); !key.empty()) {
    conf->host_keys = std::make_unique<quic::HostKeys>(key);
  }
  quic::TransportSettings& transport = conf->transport;
  transport.stream_window = uint64_t(node["streamBufferSize"].integer(64 * 1024));
  transport.max_streams = uint64_t(node["maxConcurrentStreams"].integer(128));
  transport.active_connection_id_limit = uint64_t(node["activeConnectionIdLimit"].integer(2));
  transport.congestion_control = congestion_control(node["congestionControl"].text());
  transport.retry = node["retry"].boolean();
  transport.segmentation = node["gso"].boolean();
  return conf;
}

/// `h3`, `hq`, or nothing: https://nginx.org/en/docs/http/ngx_http_v3_module.html#variables
Value http3(Exchange& exchange, std::uintptr_t) {
  const http::ConnectionFacts& connection = exchange.main().downstream.connection();
  if (!connection.listen || !connection.listen->quic) return Value::of("");
  return Value::of(exchange.main().request.version == http::Version::http3 ? "h3" : "hq");
}

/// `quic` where it carries the request.
Value quic_variable(Exchange& exchange, std::uintptr_t) {
  const http::ConnectionFacts& connection = exchange.main().downstream.connection();
  return Value::of(connection.listen && connection.listen->quic ? "quic" : "");
}

constexpr VariableDefinition variables[] = {
    {.name = "http3", .get = http3},
    {.name = "quic", .get = quic_variable},
};

/// http3_advertise: where else the server can be reached (RFC 7838).
Verdict advertise(Exchange& exchange) {
  const V3Conf& conf = exchange.conf<V3Conf>();
  const http::ConnectionFacts& connection = exchange.downstream.connection();
  bool wanted = conf.advertise && connection.tls && !exchange.is_subrequest() &&
                !exchange.response.headers.find("alt-svc");
  if (!wanted) return Verdict::ok();
  constexpr std::string_view before = "h3=\":", after = "\"; ma=86400";
  std::string value(before);
  value += std::to_string(connection.local_address().port());
  value += after;
  exchange.response.headers.add("Alt-Svc", exchange.arena.copy(value));
  return Verdict::ok();
}

bool is_used(const Runtime& runtime) {
  return runtime.any_conf<V3Conf>([](const V3Conf& conf) { return conf.advertise; });
}

}  // namespace

const Module http_v3 = {
    .id = ModuleId::http_v3,
    .name = "http_v3",
    .read_conf = read_conf,
    .variables = variables,
    .is_used = is_used,
    .header_filter = advertise,
};

}  // namespace sluice
