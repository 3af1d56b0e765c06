#include "modules/http_v2.h"

#include "proxy/exchange.h"

namespace sluice {

namespace {

std::unique_ptr<ModuleConf> read_conf(Runtime&, const plan::Node& node) {
  auto conf = std::make_unique<V2Conf>();
  conf->enabled = node["enabled"].boolean();
  conf->max_concurrent_streams = uint32_t(node["maxConcurrentStreams"].integer());
  conf->body_preread_size = uint32_t(node["bodyPrereadSize"].integer());
  conf->chunk_size = uint32_t(node["chunkSize"].integer());
  conf->recv_buffer_size = uint32_t(node["recvBufferSize"].integer());
  conf->max_resets = uint32_t(node["maxResets"].integer());
  conf->max_control_frames = uint32_t(node["maxControlFrames"].integer());
  return conf;
}

/// `h2` over TLS, `h2c` in the clear; nothing where the request came by another version.
Value http2(Exchange& exchange, std::uintptr_t) {
  Exchange& main = exchange.main();
  if (main.request.version != http::Version::http2) return Value::none();
  return Value::of(main.downstream.connection().tls ? "h2" : "h2c");
}

constexpr VariableDefinition variables[] = {{.name = "http2", .get = http2}};

}  // namespace

const Module http_v2 = {
    .id = ModuleId::http_v2,
    .name = "http_v2",
    .read_conf = read_conf,
    .variables = variables,
};

}  // namespace sluice
