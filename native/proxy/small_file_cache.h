#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/intrusive_list.h"
#include "proxy/found_file.h"

namespace sluice {

/// Keeps the contents of small files, and asks the file system at every use (once a turn) whether
/// they still hold: one stat() in place of open, fstat, sendfile and close. What is served is what
/// nginx would serve.
class SmallFileCache {
 public:
  static SmallFileCache& of_thread();
  SmallFileCache();
  ~SmallFileCache();

  static constexpr size_t max_file_size = 16 * 1024;
  /// Of one thread's cache, bookkeeping included.
  static constexpr size_t max_total_size = 8 * 1024 * 1024;

  /// Opens a file for reading; the bytes of a small one come in place of the file. A NUL follows
  /// the path.
  FoundFile open(std::string_view path);

 private:
  struct ByUse;
  struct Entry;

  FoundFile load(std::string_view path);
  void keep(std::unique_ptr<Entry> entry);
  void retire(Entry& entry);
  void begin_turn();

  std::unordered_map<std::string_view, std::unique_ptr<Entry>>
      entries_;                                          ///< keys lie in the entries
  std::unique_ptr<IntrusiveList<Entry, ByUse>> by_use_;  ///< the longest unused first
  std::vector<std::unique_ptr<Entry>> retired_;  ///< out of use, but for what this turn has queued
  size_t total_size_ = 0;
  uint64_t turn_ = 0;
};

}  // namespace sluice
