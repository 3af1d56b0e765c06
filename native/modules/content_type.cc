#include "modules/content_type.h"

#include <algorithm>

#include "modules/http_core.h"
#include "proxy/exchange.h"

namespace sluice {

std::string_view content_type_of(Exchange& exchange) {
  // An X-Accel-Redirect response has said it already.
  if (!exchange.response.content_type.empty()) return exchange.response.content_type;
  const CoreConf& core = exchange.conf<CoreConf>();
  std::string_view extension = exchange.extension;
  char lower[64];
  if (extension.empty() || extension.size() > sizeof lower) return core.default_type;
  std::transform(extension.begin(), extension.end(), lower, CaselessText::lower);
  const std::string_view* type = core.types->find({lower, extension.size()});
  return type ? *type : core.default_type;
}

}  // namespace sluice
