#pragma once

#include "proxy/module.h"

namespace sluice {

/// Counters to look at: https://nginx.org/en/docs/http/ngx_http_stub_status_module.html, and
/// `sluice_status`, which shows all of them.
struct StatusConf : ModuleConf {
  static constexpr ModuleId id = ModuleId::http_status;
  enum class Page : uint8_t { none, stub, json, prometheus, as_asked };

  Page page = Page::none;
};

extern const Module http_status;

}  // namespace sluice
