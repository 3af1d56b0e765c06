#include "modules/http_try_files.h"

#include <algorithm>
#include <cerrno>

#include "modules/http_core.h"
#include "proxy/exchange.h"
#include "proxy/file_cache.h"
#include "proxy/file_path.h"
#include "proxy/uri_target.h"

namespace sluice {

namespace {

std::unique_ptr<ModuleConf> read_conf(Runtime&, const plan::Node& node) {
  auto conf = std::make_unique<TryFilesConf>();
  for (const plan::Node& candidate : node["candidates"].items()) {
    conf->candidates.push_back(
        {Template::read(candidate["name"]), candidate["directory"].boolean()});
  }
  conf->fallback = Template::read(node["fallback"]);
  conf->status = uint16_t(node["status"].integer());
  return conf;
}

/// The name as it stands below the root: what an alias replaces of the URI is taken off a name made
/// with variables.
std::string_view name_below_root(Exchange& exchange, const Template& text) {
  std::string_view name = text.evaluate(exchange);
  int64_t alias = exchange.conf<CoreConf>().alias.value_or(0);
  if (alias > 0 && !text.is_constant() && name.starts_with(exchange.uri.substr(0, size_t(alias)))) {
    name.remove_prefix(size_t(alias));
  }
  return name;
}

void choose(Exchange& exchange, std::string_view name, bool directory) {
  int64_t alias = exchange.conf<CoreConf>().alias.value_or(0);
  if (alias < 0) {
    if (directory) return;
    exchange.uri_below_alias = true;
  }
  std::string_view kept = exchange.uri.substr(0, size_t(std::max<int64_t>(alias, 0)));
  std::span<char> uri = exchange.arena.text(kept.size() + name.size());
  std::copy(name.begin(), name.end(), std::copy(kept.begin(), kept.end(), uri.data()));
  exchange.replace_uri({uri.data(), uri.size()});
}

Verdict fall_back(Exchange& exchange, const TryFilesConf& conf) {
  if (conf.status) return Verdict::status(conf.status);
  std::string_view target = name_below_root(exchange, conf.fallback);
  if (target.starts_with('@')) return exchange.redirect_named(target);
  UriTarget split = split_target(target);
  return exchange.redirect(split.uri, split.args);
}

Verdict try_files(Exchange& exchange) {
  const TryFilesConf& conf = exchange.conf<TryFilesConf>();
  if (conf.candidates.empty()) return Verdict::declined();
  for (const TryFilesConf::Candidate& candidate : conf.candidates) {
    std::string_view name = name_below_root(exchange, candidate.name);
    std::optional<std::string_view> path = path_below_root(exchange, name);
    if (!path) return Verdict::status(500);
    FoundFile found = test_file(exchange, *path);
    if (found) {
      if (found.is_directory != candidate.directory) continue;
      choose(exchange, name, candidate.directory);
      return Verdict::declined();
    }
    if (found.error != ENOENT && found.error != ENOTDIR && found.error != ENAMETOOLONG) {
      exchange.log_errno(LogLevel::crit, found.error, "%s \"%s\" failed", found.failed,
                         path->data());
    }
  }
  return fall_back(exchange, conf);
}

constexpr PhaseHandler phases[] = {{Phase::precontent, try_files}};

bool is_used(const Runtime& runtime) {
  return runtime.any_conf<TryFilesConf>(
      [](const TryFilesConf& conf) { return !conf.candidates.empty(); });
}

}  // namespace

const Module http_try_files = {
    .id = ModuleId::http_try_files,
    .name = "http_try_files",
    .read_conf = read_conf,
    .phases = phases,
    .is_used = is_used,
};

}  // namespace sluice
