#include "proxy/file_cache.h"

#include "modules/http_core.h"
#include "proxy/exchange.h"
#include "proxy/open_file_cache.h"
#include "proxy/small_file_cache.h"

namespace sluice {

namespace {

FoundFile find_cached(const CoreConf& core, std::string_view path, const SymlinkRule& symlinks) {
  OpenFileCache::Limits limits{core.open_file_cache_max, core.open_file_cache_inactive};
  OpenFileCache::Use use{uint64_t(core.open_file_cache_valid) * 1000, core.open_file_cache_min_uses,
                         core.open_file_cache_errors, symlinks};
  return OpenFileCache::of_thread(limits).open(path, use);
}

}  // namespace

SymlinkRule symlink_rule(Exchange& exchange, std::string_view path) {
  const CoreConf& core = exchange.conf<CoreConf>();
  SymlinkRule rule{core.disable_symlinks};
  if (!core.disable_symlinks_from) return rule;
  std::string_view from = core.disable_symlinks_from.evaluate(exchange);
  if (from.empty() || !path.starts_with(from)) return rule;
  if (from.size() == path.size()) return {};
  if (path[from.size()] == '/') {
    rule.trusted = from.size();
  } else if (from.ends_with('/')) {
    rule.trusted = from.size() - 1;
  }
  return rule;
}

FoundFile find_file(Exchange& exchange, std::string_view path) {
  const CoreConf& core = exchange.conf<CoreConf>();
  SymlinkRule symlinks = symlink_rule(exchange, path);
  if (core.open_file_cache) return find_cached(core, path, symlinks);
  if (symlinks.check == SymlinkRule::Check::off) return SmallFileCache::of_thread().open(path);
  struct stat status;
  return open_file(path, OpenMode::read, symlinks, status);
}

FoundFile test_file(Exchange& exchange, std::string_view path) {
  const CoreConf& core = exchange.conf<CoreConf>();
  SymlinkRule symlinks = symlink_rule(exchange, path);
  if (core.open_file_cache) return find_cached(core, path, symlinks);
  struct stat status;
  return stat_file(path, symlinks, status);
}

}  // namespace sluice
