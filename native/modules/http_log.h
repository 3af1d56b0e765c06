#pragma once

#include <optional>
#include <vector>

#include "modules/access_log_file.h"
#include "modules/log_format.h"
#include "proxy/module.h"
#include "proxy/open_file_cache.h"
#include "proxy/template.h"

namespace sluice {

class Syslog;

/// `access_log`: https://nginx.org/en/docs/http/ngx_http_log_module.html
struct LogConf : ModuleConf {
  static constexpr ModuleId id = ModuleId::http_log;

  /// A line goes to one of `file`, `path` and `syslog`.
  struct Log {
    const LogFormat* format = nullptr;
    Template condition;  ///< `if=`: empty and `0` say no
    AccessLogFile* file = nullptr;
    Template path;  ///< a name with variables
    Syslog* syslog = nullptr;
    int severity = 0;
  };
  std::vector<Log> logs;
  /// `open_log_file_cache`, for names with variables.
  std::optional<OpenFileCache::Limits> cache;
  OpenFileCache::Use cache_use;
};

extern const Module http_log;

}  // namespace sluice
