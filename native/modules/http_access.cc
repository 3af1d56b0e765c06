#include "modules/http_access.h"

#include <algorithm>
#include <cstring>

#include "modules/http_core.h"
#include "net/address.h"
#include "proxy/exchange.h"

namespace sluice {

template <size_t size>
bool AccessConf::Rule<size>::holds(std::span<const uint8_t> bytes) const {
  for (size_t i = 0; i < size; ++i) {
    if ((bytes[i] & mask[i]) != address[i]) return false;
  }
  return true;
}

namespace {

template <size_t size>
AccessConf::Rule<size> read_rule(const plan::Node& node) {
  AccessConf::Rule<size> rule;
  auto fill = [](auto& out, std::string_view bytes) {
    std::copy_n(bytes.begin(), std::min(bytes.size(), out.size()), out.begin());
  };
  fill(rule.address, node["address"].text());
  fill(rule.mask, node["mask"].text());
  rule.deny = node["deny"].boolean();
  return rule;
}

std::unique_ptr<ModuleConf> read_conf(Runtime&, const plan::Node& node) {
  auto conf = std::make_unique<AccessConf>();
  for (const plan::Node& rule : node["rules"].items()) {
    std::string_view family = rule["family"].text();
    bool all = family == "all";
    if (all || family == "ipv4") conf->ipv4.push_back(read_rule<4>(rule));
    if (all || family == "ipv6") conf->ipv6.push_back(read_rule<16>(rule));
    if (all || family == "unix") conf->unix.push_back(read_rule<0>(rule));
  }
  return conf;
}

template <class Rules>
Verdict judge(Exchange& exchange, const Rules& rules, std::span<const uint8_t> address) {
  auto rule =
      std::find_if(rules.begin(), rules.end(), [&](auto& each) { return each.holds(address); });
  if (rule == rules.end()) return Verdict::declined();
  if (!rule->deny) return Verdict::ok();
  // With `satisfy any` another module may still let the client in.
  if (exchange.conf<CoreConf>().satisfy == CoreConf::Satisfy::all) {
    exchange.log(LogLevel::error, "access forbidden by rule");
  }
  return Verdict::status(403);
}

bool is_ipv4_mapped(std::span<const uint8_t> ipv6) {
  constexpr uint8_t prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  return std::memcmp(ipv6.data(), prefix, sizeof prefix) == 0;
}

Verdict check_address(Exchange& exchange) {
  const AccessConf& conf = exchange.conf<AccessConf>();
  const net::Address& client = *exchange.downstream.connection().remote;
  std::span<const uint8_t> address = client.ip_bytes();
  switch (client.family()) {
    case net::Family::ipv4:
      return judge(exchange, conf.ipv4, address);
    case net::Family::ipv6:
      if (!conf.ipv4.empty() && is_ipv4_mapped(address)) {
        return judge(exchange, conf.ipv4, address.subspan(12));
      }
      return judge(exchange, conf.ipv6, address);
    case net::Family::unix:
      return judge(exchange, conf.unix, address);
    case net::Family::none:
      break;
  }
  return Verdict::declined();
}

constexpr PhaseHandler phases[] = {{Phase::access, check_address}};

bool is_used(const Runtime& runtime) {
  return runtime.any_conf<AccessConf>([](const AccessConf& conf) {
    return !conf.ipv4.empty() || !conf.ipv6.empty() || !conf.unix.empty();
  });
}

}  // namespace

const Module http_access = {
    .id = ModuleId::http_access,
    .name = "http_access",
    .read_conf = read_conf,
    .phases = phases,
    .is_used = is_used,
};

}  // namespace sluice
