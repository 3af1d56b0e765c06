#pragma once

#include <string_view>

namespace sluice {

class Exchange;

/// What `types` says of the URI's extension, else `default_type`.
/// https://nginx.org/en/docs/http/ngx_http_core_module.html#types
std::string_view content_type_of(Exchange& exchange);

}  // namespace sluice
