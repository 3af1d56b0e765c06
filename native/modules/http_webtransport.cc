#include "modules/http_webtransport.h"

#include "modules/webtransport_channel.h"
#include "modules/webtransport_session.h"
#include "proxy/exchange.h"
#include "proxy/runtime.h"

namespace sluice {

bool WebTransportConf::in_use(Runtime& runtime) {
  return runtime.main<WebTransportChannel>() != nullptr;
}

namespace {

std::unique_ptr<ModuleConf> read_conf(Runtime&, const plan::Node& node) {
  auto conf = std::make_unique<WebTransportConf>();
  conf->handler = node["handler"].text();
  conf->max_sessions = uint32_t(node["maxSessions"].integer());
  conf->max_streams = uint32_t(node["maxStreams"].integer());
  conf->datagram_queue = uint32_t(node["datagramQueue"].integer());
  conf->buffer_size = uint32_t(node["bufferSize"].integer());
  conf->accept_timeout = uint32_t(node["acceptTimeout"].integer());
  return conf;
}

void read_main(Runtime& runtime, const plan::Node& node) {
  if (!node) return;
  runtime.main<WebTransportChannel>() = runtime.keep<WebTransportChannel>(runtime.thread);
}

/// Whoever wants something else than a session finds nothing here that he may do.
Verdict handle(Exchange& exchange) {
  const WebTransportConf& conf = exchange.conf<WebTransportConf>();
  http::WebTransportCarrier* carrier =
      exchange.is_subrequest() ? nullptr : exchange.downstream.webtransport();
  if (!carrier) return Verdict::status(405);
  if (carrier->sessions() > conf.max_sessions) {
    exchange.log(LogLevel::warn, "client asks for more than %u \"webtransport_max_sessions\"",
                 conf.max_sessions);
    return Verdict::status(429);
  }
  WebTransportChannel& channel = *exchange.runtime.main<WebTransportChannel>();
  if (channel.overloaded()) {
    exchange.log(LogLevel::error, "webtransport handlers are too slow for another session");
    return Verdict::status(503);
  }
  exchange.arena.make<WebTransportSession>(exchange, *carrier, channel)->ask();
  return Verdict::taken();
}

}  // namespace

const Module http_webtransport = {
    .id = ModuleId::http_webtransport,
    .name = "http_webtransport",
    .read_conf = read_conf,
    .read_main = read_main,
    .handler = handle,
};

}  // namespace sluice
