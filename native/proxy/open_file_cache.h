#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <unordered_map>

#include "base/intrusive_list.h"
#include "proxy/found_file.h"

namespace sluice {

/// nginx's open_file_cache: descriptors, sizes and times of files, existence of directories,
/// errors, all believed for a while.
/// https://nginx.org/en/docs/http/ngx_http_core_module.html#open_file_cache
class OpenFileCache {
 public:
  struct Limits {
    size_t entries = 0;        ///< `max`
    uint64_t inactive_ms = 0;  ///< unused for longer: dropped
    OpenMode mode = OpenMode::read;
    bool operator==(const Limits&) const = default;
  };
  /// How a location uses a cache.
  struct Use {
    uint64_t valid_ms = 0;  ///< what is known is asked for again after that time
    uint32_t min_uses = 1;  ///< a file used less often isn't kept open
    bool errors = false;    ///< remember what isn't there, too
    SymlinkRule symlinks = {};
  };

  /// This thread's cache with those limits: locations that say the same share one.
  static OpenFileCache& of_thread(const Limits& limits);

  explicit OpenFileCache(const Limits& limits);
  ~OpenFileCache();

  /// A NUL follows the path.
  FoundFile open(std::string_view path, const Use& use);

 private:
  struct ByUse;
  struct Entry;

  FoundFile retest(const Entry& entry, const Use& use, struct stat& status) const;
  void expire(bool force_one);
  void drop(Entry& entry);

  Limits limits_;
  std::unordered_map<std::string_view, std::unique_ptr<Entry>>
      entries_;                                          ///< keys lie in the entries
  std::unique_ptr<IntrusiveList<Entry, ByUse>> by_use_;  ///< the longest unused first
};

}  // namespace sluice
