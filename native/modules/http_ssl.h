#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "http/downstream.h"
#include "proxy/module.h"
#include "proxy/template.h"
#include "tls/context.h"

namespace sluice {

class DataThread;

/// TLS of a server: https://nginx.org/en/docs/http/ngx_http_ssl_module.html
struct SslConf : ModuleConf {
  static constexpr ModuleId id = ModuleId::http_ssl;

  std::unique_ptr<tls::Context> context;  ///< null: no certificate is said
  bool reject_handshake = false;
  tls::Settings::Verify verify = tls::Settings::Verify::off;

  /// ssl_certificate and its key, where they have variables: looked for at each handshake.
  std::vector<std::pair<Template, Template>> certificate_templates;
  std::vector<std::string> passwords;
  /// False, and a line in the log, when one of them can't be had.
  bool add_certificates(DataThread& thread, SSL* ssl, const http::ConnectionFacts& facts) const;
};

extern const Module http_ssl;

}  // namespace sluice
