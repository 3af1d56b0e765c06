// proxy_pass with variables: a URL that is known only with the request.

#include "base/number.h"
#include "modules/proxy_exchange.h"

namespace sluice {

namespace {

struct Url {
  std::string_view host;  ///< without brackets' meaning changed: `[::1]` keeps them
  std::string_view port;
  std::string_view uri;
  bool is_unix = false;
  const char* error = nullptr;
};

Url parse_unix(std::string_view text) {
  Url url;
  url.is_unix = true;
  std::string_view path = text.substr(5);
  // A second colon ends the path of the socket: unix:/tmp/backend.socket:/uri/
  size_t colon = path.find(':');
  url.host = text.substr(0, 5 + std::min(path.size(), colon));
  if (colon != path.npos) url.uri = path.substr(colon + 1);
  if (url.host.size() == 5) url.error = "no path in the unix domain socket";
  return url;
}

Url parse_url(std::string_view text) {
  if (text.size() >= 5 && http::iequals(text.substr(0, 5), "unix:")) return parse_unix(text);
  Url url;
  size_t end = std::min(text.size(), text.find_first_of("/?#"));
  std::string_view authority = text.substr(0, end);
  url.uri = text.substr(end);
  size_t port_at = authority.starts_with('[') ? authority.find("]:") : authority.rfind(':');
  if (port_at != authority.npos) {
    if (authority[port_at] == ']') port_at++;
    url.port = authority.substr(port_at + 1);
    authority = authority.substr(0, port_at);
    auto number = parse_decimal(url.port);
    if (!number || *number < 1 || *number > 65535) url.error = "invalid port";
  }
  url.host = authority;
  if (authority.empty()) url.error = "no host";
  return url;
}

}  // namespace

bool ProxyExchange::find_target() {
  std::string_view text = conf_.url.evaluate(exchange);
  auto begins_with = [&](std::string_view prefix) {
    return text.size() > prefix.size() && http::iequals(text.substr(0, prefix.size()), prefix);
  };
  constexpr std::string_view http = "http://";
  constexpr std::string_view https = "https://";
  secured = begins_with(https);
  if (!secured && !begins_with(http)) {
    exchange.log(LogLevel::error, "invalid URL prefix in \"%.*s\"", int(text.size()), text.data());
    return false;
  }
  scheme = text.substr(0, secured ? https.size() : http.size());
  text.remove_prefix(scheme.size());
  Url url = parse_url(text);
  if (url.error) {
    exchange.log(LogLevel::error, "%s in upstream \"%.*s\"", url.error, int(text.size()),
                 text.data());
    return false;
  }
  uri_part_ = url.uri;
  if (uri_part_.starts_with('?') || uri_part_.starts_with('#')) {
    std::span<char> with_slash = exchange.arena.text(uri_part_.size() + 1);
    with_slash[0] = '/';
    std::copy(uri_part_.begin(), uri_part_.end(), with_slash.begin() + 1);
    uri_part_ = {with_slash.data(), with_slash.size()};
  }
  target.host = url.host;
  if (url.is_unix) {
    target.address = net::Address::parse(url.host);
    host_header_ = "localhost";
    port_ = {};
    return true;
  }
  target.no_port = url.port.empty();
  const uint16_t default_port = secured ? 443 : 80;
  target.port = target.no_port ? default_port : uint16_t(*parse_decimal(url.port));
  target.address = net::Address::parse(url.host, target.port);
  bool shown = !target.no_port && target.port != default_port;
  host_header_ = shown ? text.substr(0, url.host.size() + 1 + url.port.size()) : url.host;
  port_ = shown ? url.port : secured ? "443" : "80";
  return true;
}

}  // namespace sluice
