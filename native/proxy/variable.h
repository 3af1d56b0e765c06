#pragma once

#include <cstdint>
#include <string_view>

namespace sluice {

class Exchange;

/// A variable's value in one exchange. The text lives in the exchange's arena, or longer.
struct Value {
  std::string_view text;
  bool found = false;  ///< false: as if empty; `-` in a log

  static Value of(std::string_view text) { return {text, true}; }
  static Value none() { return {}; }
};

using VariableSlot = uint32_t;

/// Computes a value; `data` is what the definition, or the name behind a prefix, says.
using VariableGetter = Value (*)(Exchange& exchange, std::uintptr_t data);
/// Called by `set` and by named captures for variables that are more than a slot ($args,
/// $limit_rate).
using VariableSetter = void (*)(Exchange& exchange, std::string_view value, std::uintptr_t data);

/// One row of a module's table.
struct VariableDefinition {
  std::string_view name;  ///< ends with `_` when `prefix`
  VariableGetter get;
  std::uintptr_t data = 0;
  bool prefix = false;  ///< `http_` …: data passed to get is then a `const std::string_view*` of
                        ///< the rest of the name
  bool cacheable = true;
  VariableSetter set = nullptr;
};

}  // namespace sluice
