#include "modules/http_proxy.h"

#include "modules/proxy_exchange.h"
#include "proxy/runtime.h"

namespace sluice {

namespace {

std::unique_ptr<ModuleConf> read_conf(Runtime& runtime, const plan::Node& node) {
  auto conf = std::make_unique<ProxyConf>();
  conf->upstream.read(runtime, node["upstream"]);
  conf->url = Template::read(node["url"]);
  conf->scheme = node["scheme"].text();
  conf->secured = http::iequals(conf->scheme, "https://");
  conf->host_header = node["hostHeader"].text();
  conf->port = node["port"].text();
  conf->uri = node["uri"].text();
  conf->location = node["location"].text();

  conf->host = Template::read(node["host"]);
  for (const plan::Node& field : node["headers"].items()) {
    ProxyHeader& header = conf->headers.emplace_back();
    header.name = field.at(0).text();
    if (field.at(1).is_integer()) {
      header.kind =
          field.at(1).integer() == 0 ? ProxyHeader::Kind::body_length : ProxyHeader::Kind::chunked;
    } else {
      header.value = Template::read(field.at(1));
    }
  }
  for (const plan::Node& name : node["replacedHeaders"].items()) conf->replaced.add(name.text());
  conf->method = Template::read(node["method"]);
  conf->body = Template::read(node["body"]);
  std::string_view version = node["httpVersion"].text();
  if (version == "1.0") conf->version = http::Version::http10;
  if (version == "2") conf->version = http::Version::http2;

  conf->redirects.read(runtime, node["redirects"]);
  conf->cookie_domains.read(runtime, node["cookieDomains"]);
  conf->cookie_paths.read(runtime, node["cookiePaths"]);
  conf->cookie_flags.read(runtime, node["cookieFlags"]);
  return conf;
}

Verdict handle(Exchange& exchange) {
  const ProxyConf& conf = exchange.conf<ProxyConf>();
  if (!conf.url && !conf.upstream.group) {
    // A block within `if` that has no proxy_pass, entered after one that has.
    exchange.log(LogLevel::alert, "no upstream configuration");
    return Verdict::status(500);
  }
  ProxyExchange* proxy = exchange.arena.make<ProxyExchange>(exchange, conf);
  exchange.state<ProxyExchange>() = proxy;
  if (conf.url && !proxy->find_target()) return Verdict::status(500);
  return proxy->start();
}

Value proxy_host(Exchange& exchange, std::uintptr_t) {
  const ProxyExchange* proxy = exchange.state<ProxyExchange>();
  return proxy ? Value::of(proxy->host_header()) : Value::none();
}

Value proxy_port(Exchange& exchange, std::uintptr_t) {
  const ProxyExchange* proxy = exchange.state<ProxyExchange>();
  return proxy ? Value::of(proxy->port()) : Value::none();
}

// The client's address behind those that it came with.
Value add_x_forwarded_for(Exchange& exchange, std::uintptr_t) {
  std::string_view client = exchange.downstream.connection().remote_text;
  size_t size = client.size();
  for (const http::Header& header : exchange.request.headers) {
    if (header.id == http::HeaderId::x_forwarded_for) size += header.value.size() + 2;
  }
  if (size == client.size()) return Value::of(client);
  std::span<char> text = exchange.arena.text(size);
  char* out = text.data();
  for (const http::Header& header : exchange.request.headers) {
    if (header.id != http::HeaderId::x_forwarded_for) continue;
    out = std::copy(header.value.begin(), header.value.end(), out);
    *out++ = ',';
    *out++ = ' ';
  }
  std::copy(client.begin(), client.end(), out);
  return Value::of({text.data(), text.size()});
}

constexpr VariableDefinition variables[] = {
    {.name = "proxy_host", .get = proxy_host, .cacheable = false},
    {.name = "proxy_port", .get = proxy_port, .cacheable = false},
    {.name = "proxy_add_x_forwarded_for", .get = add_x_forwarded_for},
};

}  // namespace

const Module http_proxy = {
    .id = ModuleId::http_proxy,
    .name = "http_proxy",
    .read_conf = read_conf,
    .variables = variables,
    .handler = handle,
};

}  // namespace sluice
