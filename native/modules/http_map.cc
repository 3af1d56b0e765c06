#include "modules/http_map.h"

#include <utility>
#include <vector>

#include "proxy/exchange.h"
#include "proxy/name_table.h"
#include "proxy/template.h"

namespace sluice {

namespace {

/// One `map` block.
class VariableMap {
 public:
  VariableMap(Runtime& runtime, const plan::Node& node)
      : source_(Template::read(node["source"])),
        default_(Template::read(node["default"])),
        hostnames_(node["hostnames"].boolean()) {
    const plan::Node& values = node["values"];
    values_.reserve(values.size());
    for (const plan::Node& value : values.items()) values_.push_back(Template::read(value));

    auto each = [&](std::string_view kind, auto&& add) {
      for (const plan::Node& item : node[kind].items()) {
        auto position = size_t(item.at(1).integer(-1));
        if (position < values_.size()) {
          add(item.at(0), &std::as_const(values_[position]));
        } else {
          runtime.fail("no such map value in the Plan");
        }
      }
    };
    each("exact", [&](auto& key, auto* value) { keys_.add_exact(key.text(), value); });
    each("suffix", [&](auto& key, auto* value) { keys_.add_suffix(key.text(), value); });
    each("prefix", [&](auto& key, auto* value) { keys_.add_prefix(key.text(), value); });
    each("regex", [&](auto& key, auto* value) {
      if (const Regex* regex = runtime.regex(key)) expressions_.emplace_back(regex, value);
    });
  }

  Value value(Exchange& exchange) const {
    std::string_view key = source_.evaluate(exchange);
    if (hostnames_ && key.ends_with('.')) key.remove_suffix(1);
    return Value::of(find(key, exchange).evaluate(exchange));
  }

 private:
  const Template& find(std::string_view key, Exchange& exchange) const {
    if (const Template* value = keys_.find(key)) return *value;
    if (key.empty()) return default_;
    for (const auto& [regex, value] : expressions_) {
      switch (regex->apply(key, exchange)) {
        case Regex::Outcome::no:
          continue;
        case Regex::Outcome::yes:
          return *value;
        case Regex::Outcome::failed:
          return default_;
      }
    }
    return default_;
  }

  Template source_;
  Template default_;
  bool hostnames_;
  std::vector<Template> values_;  // distinct: many keys may share one
  NameTable<const Template, CaselessText> keys_;
  std::vector<std::pair<const Regex*, const Template*>> expressions_;
};

Value map_value(Exchange& exchange, std::uintptr_t data) {
  return reinterpret_cast<const VariableMap*>(data)->value(exchange);
}

void read_main(Runtime& runtime, const plan::Node& node) {
  for (const plan::Node& item : node.items()) {
    auto slot = size_t(item["variable"].integer(-1));
    if (slot >= runtime.variables.size()) {
      runtime.fail("no such variable in the Plan");
      return;
    }
    runtime.variables[slot].get = map_value;
    runtime.variables[slot].data =
        reinterpret_cast<std::uintptr_t>(runtime.keep<VariableMap>(runtime, item));
  }
}

}  // namespace

const Module http_map = {
    .id = ModuleId::http_map,
    .name = "http_map",
    .read_main = read_main,
};

}  // namespace sluice
