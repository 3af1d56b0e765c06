#include "modules/http_mirror.h"

#include "proxy/subrequest.h"

namespace sluice {

namespace {

/// The body comes first: a copy has all of it.
struct State final : RequestBody::Reader {
  static constexpr ModuleId id = ModuleId::http_mirror;
  explicit State(Exchange& the_exchange) : exchange(the_exchange) {}
  void on_body() override {
    body_read = true;
    if (!starting) exchange.resume();
  }

  Exchange& exchange;
  bool starting = true;
  bool body_read = false;
  bool done = false;
};

std::unique_ptr<ModuleConf> read_conf(Runtime&, const plan::Node& node) {
  auto conf = std::make_unique<MirrorConf>();
  for (const plan::Node& uri : node["uris"].items()) conf->uris.push_back(uri.text());
  conf->request_body = node["requestBody"].boolean(true);
  return conf;
}

Verdict send_copies(Exchange& exchange, const MirrorConf& conf) {
  for (std::string_view uri : conf.uris) {
    Subrequest::Options options{
        .uri = uri, .args = exchange.args, .output = Subrequest::Output::background, .clone = true};
    Subrequest* copy = Subrequest::start(exchange, options);
    if (!copy) return Verdict::status(500);
    copy->exchange().header_only = true;
  }
  return Verdict::declined();
}

Verdict mirror(Exchange& exchange) {
  const MirrorConf& conf = exchange.conf<MirrorConf>();
  if (conf.uris.empty() || exchange.is_subrequest()) return Verdict::declined();
  if (!conf.request_body) return send_copies(exchange, conf);
  State*& state = exchange.state<State>();
  if (!state) {
    state = exchange.arena.make<State>(exchange);
    exchange.body.buffer(*state);
    state->starting = false;
  }
  if (!state->body_read) return Verdict::again();
  if (std::exchange(state->done, true)) return Verdict::declined();
  return send_copies(exchange, conf);
}

constexpr PhaseHandler phases[] = {{Phase::precontent, mirror}};

bool is_used(const Runtime& runtime) {
  return runtime.any_conf<MirrorConf>([](const MirrorConf& conf) { return !conf.uris.empty(); });
}

}  // namespace

const Module http_mirror = {
    .id = ModuleId::http_mirror,
    .name = "http_mirror",
    .read_conf = read_conf,
    .phases = phases,
    .is_used = is_used,
};

}  // namespace sluice
