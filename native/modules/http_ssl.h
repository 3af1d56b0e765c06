#pragma once

#include <memory>

#include "modules/variable_certificates.h"
#include "proxy/module.h"
#include "tls/context.h"

namespace sluice {

class SharedSessionStore;

/// TLS of a server: https://nginx.org/en/docs/http/ngx_http_ssl_module.html
struct SslConf : ModuleConf {
  static constexpr ModuleId id = ModuleId::http_ssl;

  std::unique_ptr<tls::Context> context;        ///< null: no certificate is said
  SharedSessionStore* session_store = nullptr;  ///< ssl_session_store; null: none
  bool reject_handshake = false;
  tls::Settings::Verify verify = tls::Settings::Verify::off;
  std::unique_ptr<VariableCertificates> variable_certificates;  ///< null: the context has them
};

extern const Module http_ssl;

}  // namespace sluice
