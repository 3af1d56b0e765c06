#pragma once

#include "proxy/module.h"

namespace sluice {

/// https://nginx.org/en/docs/http/ngx_http_map_module.html
extern const Module http_map;

}  // namespace sluice
