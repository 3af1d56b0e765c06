#pragma once

#include <span>

#include "proxy/variable.h"

namespace sluice {

/// `$ssl_…`: https://nginx.org/en/docs/http/ngx_http_ssl_module.html#variables
extern const std::span<const VariableDefinition> ssl_variables;

}  // namespace sluice
