#include "proxy/virtual_servers.h"

#include <utility>
#include <vector>

#include "proxy/exchange.h"
#include "proxy/name_table.h"
#include "proxy/runtime.h"

namespace sluice {

struct VirtualServers::Index {
  NameTable<const Server> names;
  std::vector<std::pair<const Regex*, const Server*>> expressions;
};

VirtualServers::VirtualServers() = default;
VirtualServers::~VirtualServers() = default;
VirtualServers::VirtualServers(VirtualServers&&) noexcept = default;
VirtualServers& VirtualServers::operator=(VirtualServers&&) noexcept = default;

VirtualServers VirtualServers::read(Runtime& runtime, const plan::Node& node) {
  VirtualServers result;
  result.index_ = std::make_unique<Index>();
  auto server = [&](const plan::Node& position) -> const Server* {
    auto index = size_t(position.integer(-1));
    if (index < runtime.servers.size()) return &runtime.servers[index];
    runtime.fail("no such server in the Plan");
    return nullptr;
  };
  NameTable<const Server>& names = result.index_->names;
  auto each = [&](std::string_view kind, auto&& add) {
    for (const plan::Node& item : node[kind].items()) {
      if (const Server* found = server(item.at(1))) add(item.at(0), found);
    }
  };
  each("exact", [&](auto& name, auto* found) { names.add_exact(name.text(), found); });
  each("suffix", [&](auto& name, auto* found) { names.add_suffix(name.text(), found); });
  each("prefix", [&](auto& name, auto* found) { names.add_prefix(name.text(), found); });
  each("regex", [&](auto& position, auto* found) {
    if (const Regex* regex = runtime.regex(position)) {
      result.index_->expressions.emplace_back(regex, found);
    }
  });
  result.default_ = server(node["default"]);
  return result;
}

const Server* VirtualServers::match(std::string_view host, Exchange* exchange) const {
  // A request that names no host is for the server that is named "".
  if (const Server* server = index_->names.find(host)) return server;
  if (host.empty()) return nullptr;
  for (const auto& [regex, server] : index_->expressions) {
    if (exchange ? regex->match(host, *exchange) : regex->test(host)) return server;
  }
  return nullptr;
}

const Server& VirtualServers::find(std::string_view host, Exchange* exchange) const {
  const Server* server = match(host, exchange);
  return server ? *server : *default_;
}

const Server& initial_server(const http::ConnectionFacts& connection) {
  return connection.tls ? *connection.tls->server : connection.listen->servers.fallback();
}

const Server& requested_server(const http::ConnectionFacts& connection, std::string_view host,
                               Exchange* exchange) {
  const Server* server = connection.listen->servers.match(host, exchange);
  return server ? *server : initial_server(connection);
}

}  // namespace sluice
