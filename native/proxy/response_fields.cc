// Server and Location as nginx's header filter makes them.

#include "base/number.h"
#include "modules/http_core.h"
#include "proxy/exchange.h"

namespace sluice {

std::string_view Exchange::server_token() {
  if (response.without_server || response.headers.find(http::HeaderId::server)) return {};
  return page_signature();
}

std::string_view Exchange::page_signature() {
  // nginx's open-source builds have no name of their own, so `build` says no more than `on`.
  return conf<CoreConf>().server_tokens == CoreConf::Tokens::off ? "nginx" : runtime.version;
}

std::string_view Exchange::absolute_location() {
  const http::Header* field = response.headers.find(http::HeaderId::location);
  if (!field) return {};
  const CoreConf& core = conf<CoreConf>();
  if (!core.absolute_redirect || !field->value.starts_with('/')) return {};

  const http::ConnectionFacts& connection = main_->downstream.connection();
  const net::Address& local = connection.local_address();
  std::string_view host = core.server_name_in_redirect ? server->name : main_->request.host;
  if (host.empty()) host = arena.copy(local.text(false));
  uint16_t port = core.port_in_redirect ? local.port() : 0;
  if (port == (connection.tls ? 443 : 80)) port = 0;

  std::string_view scheme = connection.tls ? "https://" : "http://";
  std::span<char> text =
      arena.text(scheme.size() + host.size() + 1 + max_decimal_size + field->value.size());
  char* end = std::copy(scheme.begin(), scheme.end(), text.data());
  end = std::copy(host.begin(), host.end(), end);
  if (port) {
    *end++ = ':';
    end = format_decimal(end, port);
  }
  end = std::copy(field->value.begin(), field->value.end(), end);
  std::string_view location = arena.trim(text, size_t(end - text.data()));
  response.headers.set(http::HeaderId::location, "Location", location);  // for $sent_http_location
  return location;
}

}  // namespace sluice
