#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proxy/plan.h"
#include "proxy/variable.h"

namespace sluice {

class Exchange;
class Runtime;

/// A `log_format`: https://nginx.org/en/docs/http/ngx_http_log_module.html#log_format
class LogFormat {
 public:
  static LogFormat read(const Runtime& runtime, const plan::Node& node);

  /// Appends the line, without a line feed.
  void append(Exchange& exchange, std::string& line) const;

 private:
  enum class Kind : uint8_t {
    literal,
    variable,
    // variables that are written without a detour over their text
    time_local,
    time_iso8601,
    msec,
    request_time,
    status,
  };
  enum class Escaping : uint8_t { standard, json, none };
  struct Part {
    Kind kind;
    VariableSlot slot = 0;
    std::string_view literal = {};
  };

  void append_variable(Exchange& exchange, VariableSlot slot, std::string& line) const;

  Escaping escaping_ = Escaping::standard;
  std::vector<Part> parts_;
};

}  // namespace sluice
