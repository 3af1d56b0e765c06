#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "proxy/plan.h"
#include "proxy/variable.h"
#include "proxy/verdict.h"

namespace sluice {

class Exchange;
class Runtime;

/// The phases of a request, in nginx's order. find_config, post_rewrite and post_access belong to
/// the engine (proxy/exchange_phases.cc).
enum class Phase : uint8_t {
  post_read,
  server_rewrite,
  find_config,
  rewrite,
  post_rewrite,
  preaccess,
  access,
  post_access,
  precontent,
  content,
  log,
};
constexpr size_t phase_count = 11;
/// The engine itself has something to do in it.
constexpr bool is_of_engine(Phase phase) {
  return phase == Phase::find_config || phase == Phase::post_rewrite ||
         phase == Phase::post_access || phase == Phase::content;
}

/// Every module of the http block has a position: its configuration in a Block, its state in an
/// Exchange.
enum class ModuleId : uint8_t {
  http_core,
  http_log,
  http_rewrite,
  http_access,
  http_map,
  http_index,
  http_static,
  http_try_files,
  http_headers,
  http_range,
  http_not_modified,
  http_auth_request,
  http_mirror,
  http_addition,
  http_upstream,
  http_proxy,
  http_auth_basic,
  http_realip,
  http_limit_conn,
  http_limit_req,
  http_gzip,
  http_ssl,
  http_v2,
  http_v3,
  http_status,
  http_webtransport,
  count_,
};
constexpr size_t module_count = size_t(ModuleId::count_);

/// A module's configuration of a block; the derived struct has `static constexpr ModuleId id`.
struct ModuleConf {
  virtual ~ModuleConf() = default;
};

struct PhaseHandler {
  Phase phase;
  Verdict (*run)(Exchange& exchange);
};

/// The native half of a module (the other half: src/proxy/modules/NAME.ts). One constant per
/// module, listed in modules/registry.cc.
struct Module {
  ModuleId id;
  std::string_view name;  ///< `http_proxy`
  /// Reads one configuration from the Plan; null: the module has none. An error goes to
  /// runtime.fail().
  std::unique_ptr<ModuleConf> (*read_conf)(Runtime& runtime, const plan::Node& node) = nullptr;
  /// Reads the module's share of `http.main` (maps …).
  void (*read_main)(Runtime& runtime, const plan::Node& node) = nullptr;
  std::span<const VariableDefinition> variables = {};
  std::span<const PhaseHandler> phases = {};
  /// The content handler of locations whose Plan names this module.
  Verdict (*handler)(Exchange& exchange) = nullptr;
  /// Whether the handlers of phases and the header filter have anything to do with this Plan; null:
  /// always. What nobody has configured costs a request nothing.
  bool (*is_used)(const Runtime& runtime) = nullptr;
  /// Sees every response head before it is sent (main exchanges and subrequests); may add a
  /// BodyFilter.
  Verdict (*header_filter)(Exchange& exchange) = nullptr;
};

/// All modules: handlers run in this order within a phase, header filters too.
std::span<const Module* const> all_modules();

}  // namespace sluice
