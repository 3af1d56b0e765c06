#pragma once

#include <string_view>
#include <vector>

#include "modules/proxy_rewrite.h"
#include "proxy/module.h"
#include "proxy/template.h"
#include "proxy/upstream_conf.h"

namespace sluice {

extern const Module http_proxy;

/// A field of the request to the upstream, by proxy_set_header or by default.
struct ProxyHeader {
  enum class Kind : uint8_t {
    text,
    body_length,  ///< Content-Length, if the body's length is known
    chunked,      ///< `Transfer-Encoding: chunked`, if it isn't
  } kind = Kind::text;
  std::string_view name;
  Template value;
};

/// Configuration of the proxy module in a block; members as in src/proxy/modules/http-proxy.ts.
struct ProxyConf : ModuleConf {
  static constexpr ModuleId id = ModuleId::http_proxy;

  UpstreamConf upstream;
  Template url;  ///< of a proxy_pass with variables; else the following say it
  std::string_view scheme;
  bool secured = false;  ///< by the scheme
  std::string_view host_header;
  std::string_view port;
  std::string_view uri;
  std::string_view location;  ///< what `uri` replaces of the request's URI

  Template host;  ///< proxy_set_header Host
  std::vector<ProxyHeader> headers;
  HeaderNames replaced;  ///< fields of the client that don't go on
  Template method;
  Template body;  ///< proxy_set_body
  http::Version version = http::Version::http11;

  ProxyRewriteRules redirects;
  ProxyRewriteRules cookie_domains;
  ProxyRewriteRules cookie_paths;
  ProxyCookieFlags cookie_flags;
};

}  // namespace sluice
