#include "proxy/runtime.h"

#include <algorithm>

#include "base/log.h"
#include "modules/http_core.h"
#include "proxy/data_thread.h"
#include "proxy/error_logs.h"
#include "proxy/exchange.h"
#include "proxy/upstream_group.h"
#include "tls/client_context.h"

namespace sluice {

namespace {

const Module* find_module(std::string_view name) {
  for (const Module* module : all_modules()) {
    if (module->name == name) return module;
  }
  return nullptr;
}

ConnectionConf read_connection(const plan::Node& node) {
  return {
      .client_header_timeout = uint32_t(node["clientHeaderTimeout"].integer()),
      .client_header_buffer_size = uint32_t(node["clientHeaderBufferSize"].integer()),
      .large_buffer_count = uint32_t(node["largeClientHeaderBuffers"].at(0).integer()),
      .large_buffer_size = uint32_t(node["largeClientHeaderBuffers"].at(1).integer()),
      .max_headers = uint32_t(node["maxHeaders"].integer()),
      .ignore_invalid_headers = node["ignoreInvalidHeaders"].boolean(),
      .underscores_in_headers = node["underscoresInHeaders"].boolean(),
      .merge_slashes = node["mergeSlashes"].boolean(),
  };
}

}  // namespace

Runtime::Runtime(DataThread& data_thread) : thread(data_thread) {}
Runtime::~Runtime() = default;

std::unique_ptr<Runtime> Runtime::build(DataThread& thread, const plan::Node& plan,
                                        std::string& error) {
  std::unique_ptr<Runtime> runtime(new Runtime(thread));
  const plan::Node& process = plan["process"];
  runtime->version = process["version"].text();
  runtime->prefix = process["prefix"].text();
  for (const plan::Node& sinks : plan["errorLogs"].items()) {
    runtime->error_logs.push_back(read_error_log(thread, sinks));
  }
  runtime->read_regexes(plan["regexes"]);
  runtime->read_variables(plan["variables"]);
  for (const plan::Node& group : plan["upstreams"].items()) {
    runtime->upstreams.push_back(UpstreamGroup::read(*runtime, group));
  }
  runtime->read_tls_clients(plan["tlsClients"]);
  runtime->read_http(plan["http"]);
  runtime->read_listeners(plan["listeners"]);
  runtime->collect_phases();
  error = std::move(runtime->error_);
  if (!error.empty()) return nullptr;
  return runtime;
}

void Runtime::fail(std::string message) {
  if (error_.empty()) error_ = std::move(message);
}

const Regex* Runtime::regex(const plan::Node& index) const {
  size_t position = size_t(index.integer(-1));
  return position < regexes.size() ? regexes[position].get() : nullptr;
}

const Block* Runtime::block(const plan::Node& index) const {
  size_t position = size_t(index.integer(-1));
  return position < blocks.size() ? &blocks[position] : nullptr;
}

Verdict (*Runtime::handler(std::string_view module_name))(Exchange&) {
  if (module_name.empty()) return nullptr;
  const Module* module = find_module(module_name);
  if (!module || !module->handler) {
    fail("no content handler in \"" + std::string(module_name) + "\"");
    return nullptr;
  }
  return module->handler;
}

void Runtime::read_regexes(const plan::Node& nodes) {
  for (const plan::Node& node : nodes.items()) {
    std::string error;
    auto regex = Regex::compile(node["pattern"].text(), node["caseless"].boolean(), error);
    if (!regex) {
      fail(error);
      return;
    }
    for (const plan::Node& name : node["names"].items()) {
      regex->names.emplace_back(name.at(0).integer(), name.at(1).integer());
    }
    regexes.push_back(std::move(regex));
  }
}

// A name finds its getter: the whole name first, then the longest prefix. A variable that nobody
// computes has just the value that `set`, a map or a capture gives it.
void Runtime::read_variables(const plan::Node& nodes) {
  variables.reserve(nodes.size());
  for (const plan::Node& node : nodes.items()) {
    std::string_view name = node["name"].text();
    Variable variable{.name = name};
    const VariableDefinition* best = nullptr;
    for (const Module* module : all_modules()) {
      for (const VariableDefinition& definition : module->variables) {
        bool matches =
            definition.prefix ? name.starts_with(definition.name) : name == definition.name;
        if (!matches) continue;
        if (!best || !definition.prefix ||
            (best->prefix && definition.name.size() > best->name.size())) {
          best = &definition;
        }
      }
    }
    if (best) {
      variable.get = best->get;
      variable.set = best->set;
      variable.cacheable = best->cacheable;
      variable.data = best->prefix ? reinterpret_cast<std::uintptr_t>(
                                         keep<std::string_view>(name.substr(best->name.size())))
                                   : best->data;
    }
    if (node["volatile"].boolean()) variable.cacheable = false;
    variables.push_back(variable);
  }
}

void Runtime::read_tls_clients(const plan::Node& nodes) {
  for (const plan::Node& node : nodes.items()) {
    std::string error;
    tls_clients.push_back(tls::ClientContext::make(tls::Settings::read(node), error));
    if (!tls_clients.back()) fail(error);
  }
}

void Runtime::collect_phases() {
  std::vector<const Module*> used;
  for (const Module* module : all_modules()) {
    if (!module->is_used || module->is_used(*this)) used.push_back(module);
  }
  for (size_t phase = 0; phase < phase_count; ++phase) {
    phase_start[phase] = uint16_t(phase_handlers.size());
    for (const Module* module : used) {
      for (const PhaseHandler& handler : module->phases) {
        if (size_t(handler.phase) == phase) phase_handlers.push_back(handler);
      }
    }
  }
  phase_start[phase_count] = uint16_t(phase_handlers.size());
  for (size_t phase = phase_count; phase-- > 0;) {
    bool idle = phase_start[phase] == phase_start[phase + 1] && !is_of_engine(Phase(phase)) &&
                phase + 1 < phase_count;
    next_busy_phase[phase] = idle ? next_busy_phase[phase + 1] : Phase(phase);
  }
  for (const Module* module : used) {
    if (module->header_filter) header_filters.push_back(module->header_filter);
  }
}

void Runtime::read_http(const plan::Node& node) {
  if (!node) return;
  for (const Module* module : all_modules()) {
    if (module->read_main) module->read_main(*this, node["main"][module->name]);
    if (!module->read_conf) continue;
    for (const plan::Node& conf : node["modules"][module->name].items()) {
      confs_[size_t(module->id)].push_back(module->read_conf(*this, conf));
    }
  }
  const plan::Node& block_nodes = node["blocks"];
  blocks.resize(block_nodes.size());
  for (size_t i = 0; i < blocks.size(); ++i) {
    std::span<const plan::Node> confs = block_nodes.at(i)["confs"].items();
    for (size_t pair = 0; pair + 1 < confs.size(); pair += 2) {
      const Module* module = find_module(confs[pair].text());
      size_t position = size_t(confs[pair + 1].integer(-1));
      if (!module || position >= confs_[size_t(module->id)].size()) {
        fail("no configuration of \"" + std::string(confs[pair].text()) + "\"");
        return;
      }
      blocks[i].confs[size_t(module->id)] = confs_[size_t(module->id)][position].get();
    }
  }
  const plan::Node& server_nodes = node["servers"];
  servers.resize(server_nodes.size());
  for (size_t i = 0; i < servers.size(); ++i) {
    const plan::Node& server = server_nodes.at(i);
    servers[i].name = server["name"].text();
    servers[i].block = block(server["block"]);
    servers[i].rewrite = RewriteProgram::read(*this, server["rewrite"]);
    servers[i].locations = LocationTree::read(*this, server["locations"]);
    servers[i].connection = read_connection(server["connection"]);
  }
}

namespace {

net::ListenSocket read_socket(const plan::Node& node, int descriptor) {
  net::ListenSocket socket = {.descriptor = descriptor};
  const plan::Node& own = node["userSpace"];
  if (!own) return socket;
  socket.address = net::Address::parse(node["address"].text()).value_or(net::Address());
  socket.on_kernel = socket.address.empty();
  socket.ipv6only = own["ipv6only"].boolean();
  socket.backlog = int(own["backlog"].integer());
  socket.receive_buffer = int(own["rcvbuf"].integer());
  socket.send_buffer = int(own["sndbuf"].integer());
  const plan::Node& keepalive = own["keepalive"];
  socket.keepalive = {.on = keepalive["on"].boolean(),
                      .idle = int(keepalive["idle"].integer()),
                      .interval = int(keepalive["interval"].integer()),
                      .count = int(keepalive["count"].integer())};
  return socket;
}

}  // namespace

void Runtime::read_listeners(const plan::Node& nodes) {
  bool no_delay = std::ranges::all_of(blocks, [](const Block& block) {
    return block.confs[size_t(CoreConf::id)] && block.conf<CoreConf>().tcp_nodelay;
  });
  for (const plan::Node& node : nodes.items()) {
    ListenerConf listener{
        .socket = read_socket(node, thread.descriptor(node["fd"].integer(-1))),
        .address = node["address"].text(),
        .worker = int(node["worker"].integer(-1)),
        .datagram = node["datagram"].boolean(),
        .addresses = {},
    };
    listener.socket.no_delay = no_delay && !listener.datagram;
    for (const plan::Node& address : node["addresses"].items()) {
      ListenAddress served;
      served.address = address["address"].text();
      served.parsed = net::Address::parse(served.address);
      served.listener = listener.address;
      served.quic = listener.datagram;
      served.tls = served.quic || address["tls"].boolean();
      served.http2 = address["http2"].boolean();
      served.proxy_protocol = address["proxyProtocol"].boolean();
      served.servers = VirtualServers::read(*this, address["http"]);
      listener.addresses.push_back(std::move(served));
    }
    listeners.push_back(std::move(listener));
  }
}

}  // namespace sluice
