#pragma once

#include <string_view>
#include <vector>

#include "proxy/module.h"

namespace sluice {

/// Puts the answers of other locations before and after a response.
extern const Module http_addition;

struct AdditionConf : ModuleConf {
  static constexpr ModuleId id = ModuleId::http_addition;
  std::string_view before_body;
  std::string_view after_body;
  std::vector<std::string_view> types;  ///< `*`: all
};

}  // namespace sluice
