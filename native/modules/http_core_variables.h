#pragma once

#include <span>

#include "proxy/variable.h"

namespace sluice {

/// https://nginx.org/en/docs/http/ngx_http_core_module.html#variables
extern const std::span<const VariableDefinition> http_core_variables;

}  // namespace sluice
