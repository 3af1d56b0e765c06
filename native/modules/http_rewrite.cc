#include "modules/http_rewrite.h"

#include <algorithm>

#include "proxy/exchange.h"

namespace sluice {

namespace {

std::unique_ptr<ModuleConf> read_conf(Runtime&, const plan::Node& node) {
  auto conf = std::make_unique<RewriteConf>();
  conf->log = node["rewriteLog"].boolean();
  conf->warn_uninitialized = node["uninitializedVariableWarn"].boolean(true);
  return conf;
}

// Asked only while no `set` has given the variable a value.
Value uninitialized(Exchange& exchange, std::uintptr_t slot) {
  if (exchange.conf<RewriteConf>().warn_uninitialized) {
    std::string_view name = exchange.runtime.variables[slot].name;
    exchange.log(LogLevel::warn, "using uninitialized \"%.*s\" variable", int(name.size()),
                 name.data());
  }
  return Value::of({});
}

bool is_named_capture(const Runtime& runtime, VariableSlot slot) {
  return std::ranges::any_of(runtime.regexes, [slot](const auto& regex) {
    return std::ranges::any_of(regex->names,
                               [slot](const auto& name) { return name.second == slot; });
  });
}

// http.main.http_rewrite: the slots that `set` gives values to. Some are given values by others
// too.
void read_main(Runtime& runtime, const plan::Node& node) {
  for (const plan::Node& item : node.items()) {
    auto slot = size_t(item.integer(-1));
    if (slot >= runtime.variables.size()) {
      runtime.fail("no such variable in the Plan");
      return;
    }
    Variable& variable = runtime.variables[slot];
    if (variable.get || is_named_capture(runtime, VariableSlot(slot))) continue;
    variable.get = uninitialized;
    variable.data = slot;
  }
}

Verdict rewrite_server(Exchange& exchange) {
  return exchange.server->rewrite.run(exchange, exchange.conf<RewriteConf>().log);
}

Verdict rewrite_location(Exchange& exchange) {
  // As in nginx, the block of a limit_except that applies has no rewrites of its own.
  if (!exchange.location || exchange.block != exchange.location->block) return Verdict::declined();
  return exchange.location->rewrite.run(exchange, exchange.conf<RewriteConf>().log);
}

constexpr PhaseHandler phases[] = {
    {Phase::server_rewrite, rewrite_server},
    {Phase::rewrite, rewrite_location},
};

}  // namespace

const Module http_rewrite = {
    .id = ModuleId::http_rewrite,
    .name = "http_rewrite",
    .read_conf = read_conf,
    .read_main = read_main,
    .phases = phases,
};

}  // namespace sluice
