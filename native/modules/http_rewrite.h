#pragma once

#include "proxy/module.h"

namespace sluice {

/// https://nginx.org/en/docs/http/ngx_http_rewrite_module.html
extern const Module http_rewrite;

struct RewriteConf : ModuleConf {
  static constexpr ModuleId id = ModuleId::http_rewrite;
  bool log = false;                ///< rewrite_log
  bool warn_uninitialized = true;  ///< uninitialized_variable_warn
};

}  // namespace sluice
