#pragma once

#include <vector>

#include "proxy/module.h"
#include "proxy/template.h"

namespace sluice {

/// `index`: https://nginx.org/en/docs/http/ngx_http_index_module.html
struct IndexConf : ModuleConf {
  static constexpr ModuleId id = ModuleId::http_index;
  std::vector<Template> names;
};

extern const Module http_index;

}  // namespace sluice
