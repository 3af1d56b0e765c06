#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "proxy/module.h"
#include "proxy/template.h"

namespace sluice {

/// Asks another location whether a request is admitted.
extern const Module http_auth_request;

struct AuthRequestConf : ModuleConf {
  static constexpr ModuleId id = ModuleId::http_auth_request;
  std::string_view uri;  ///< empty: off
  /// auth_request_set: evaluated in the subrequest.
  std::vector<std::pair<VariableSlot, Template>> variables;
};

}  // namespace sluice
