#include "proxy/file_cache.h"

#include "modules/http_core.h"
#include "proxy/open_file_cache.h"
#include "proxy/small_file_cache.h"

namespace sluice {

namespace {

FoundFile find_cached(const CoreConf& core, std::string_view path) {
  OpenFileCache::Limits limits{core.open_file_cache_max, core.open_file_cache_inactive};
  OpenFileCache::Use use{uint64_t(core.open_file_cache_valid) * 1000, core.open_file_cache_min_uses,
                         core.open_file_cache_errors};
  return OpenFileCache::of_thread(limits).open(path, use);
}

}  // namespace

FoundFile find_file(const CoreConf& core, std::string_view path) {
  if (core.open_file_cache) return find_cached(core, path);
  return SmallFileCache::of_thread().open(path);
}

FoundFile test_file(const CoreConf& core, std::string_view path) {
  if (core.open_file_cache) return find_cached(core, path);
  return stat_file(path.data());
}

}  // namespace sluice
