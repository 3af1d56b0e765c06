#include "modules/http_auth_request.h"

#include "proxy/subrequest.h"

namespace sluice {

namespace {

struct State {
  static constexpr ModuleId id = ModuleId::http_auth_request;
  Exchange* answer = nullptr;  ///< the subrequest's exchange, once it has ended
};

std::unique_ptr<ModuleConf> read_conf(Runtime&, const plan::Node& node) {
  auto conf = std::make_unique<AuthRequestConf>();
  conf->uri = node["uri"].text();
  for (const plan::Node& variable : node["variables"].items()) {
    conf->variables.emplace_back(VariableSlot(variable.at(0).integer()),
                                 Template::read(variable.at(1)));
  }
  return conf;
}

void on_done(void* context, Subrequest& subrequest) {
  Exchange& exchange = *static_cast<Exchange*>(context);
  exchange.state<State>()->answer = &subrequest.exchange();
  exchange.resume();
}

Verdict judge(Exchange& exchange, Exchange& answer) {
  // Set at once, so that the values are still there after an internal redirect.
  for (const auto& [slot, value] : exchange.conf<AuthRequestConf>().variables) {
    exchange.set_variable(slot, value.evaluate(answer));
  }
  uint16_t status = answer.response.status;
  if (status == 401) {
    for (const http::Header& field : answer.response.headers) {
      if (field.id == http::HeaderId::www_authenticate) {
        exchange.response.headers.add(field.name, field.value, field.id);
      }
    }
  }
  if (status == 401 || status == 403) return Verdict::status(status);
  if (status >= 200 && status < 300) return Verdict::ok();
  exchange.log(LogLevel::error, "auth request unexpected status: %u", status);
  return Verdict::status(500);
}

Verdict admit(Exchange& exchange) {
  const AuthRequestConf& conf = exchange.conf<AuthRequestConf>();
  if (conf.uri.empty()) return Verdict::declined();
  State*& state = exchange.state<State>();
  if (state) return state->answer ? judge(exchange, *state->answer) : Verdict::again();
  state = exchange.arena.make<State>();
  Subrequest::Options options{.uri = conf.uri, .args = {}, .output = Subrequest::Output::none};
  if (!Subrequest::start(exchange, options, on_done, &exchange)) return Verdict::status(500);
  return Verdict::again();
}

constexpr PhaseHandler phases[] = {{Phase::access, admit}};

bool is_used(const Runtime& runtime) {
  return runtime.any_conf<AuthRequestConf>(
      [](const AuthRequestConf& conf) { return !conf.uri.empty(); });
}

}  // namespace

const Module http_auth_request = {
    .id = ModuleId::http_auth_request,
    .name = "http_auth_request",
    .read_conf = read_conf,
    .phases = phases,
    .is_used = is_used,
};

}  // namespace sluice
