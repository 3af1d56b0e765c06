#pragma once

#include <vector>

#include "proxy/module.h"
#include "proxy/template.h"

namespace sluice {

/// `try_files`: https://nginx.org/en/docs/http/ngx_http_core_module.html#try_files
struct TryFilesConf : ModuleConf {
  static constexpr ModuleId id = ModuleId::http_try_files;

  struct Candidate {
    Template name;
    bool directory = false;  ///< a directory is wanted, not a file
  };
  std::vector<Candidate> candidates;
  Template fallback;    ///< `/uri?args` or `@name`
  uint16_t status = 0;  ///< in place of the fallback: `=404`
};

extern const Module http_try_files;

}  // namespace sluice
