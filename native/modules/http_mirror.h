#pragma once

#include <string_view>
#include <vector>

#include "proxy/module.h"

namespace sluice {

/// Sends copies of requests elsewhere, whose answers nobody reads.
extern const Module http_mirror;

struct MirrorConf : ModuleConf {
  static constexpr ModuleId id = ModuleId::http_mirror;
  std::vector<std::string_view> uris;
  bool request_body = true;
};

}  // namespace sluice
