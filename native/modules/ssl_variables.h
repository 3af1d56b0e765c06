#pragma once

#include <span>

#include "proxy/variable.h"

namespace sluice {

class Runtime;

/// `$ssl_…`: https://nginx.org/en/docs/http/ngx_http_ssl_module.html#variables
extern const std::span<const VariableDefinition> ssl_variables;

/// Whether some part of a configuration asks for a variable that tells what clients offer.
bool asks_for_offers(const Runtime& runtime);

}  // namespace sluice
