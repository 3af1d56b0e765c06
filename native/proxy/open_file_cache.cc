#include "proxy/open_file_cache.h"

#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace sluice {

struct OpenFileCache::Entry : ListHook<ByUse> {
  explicit Entry(std::string_view the_path) : path(the_path) {}

  /// Not opened when last seen: it isn't used often enough.
  bool is_closed() const { return found && !found.is_directory && !found.file; }

  std::string path;
  FoundFile found;
  ino_t inode = 0;
  uint64_t uses = 0;
  SymlinkRule symlinks;
  uint64_t checked_ms = 0;
  uint64_t used_ms = 0;
};

OpenFileCache& OpenFileCache::of_thread(const Limits& limits) {
  thread_local std::vector<std::unique_ptr<OpenFileCache>> caches;
  for (auto& cache : caches) {
    if (cache->limits_ == limits) return *cache;
  }
  return *caches.emplace_back(std::make_unique<OpenFileCache>(limits));
}

OpenFileCache::OpenFileCache(const Limits& limits)
    : limits_(limits), by_use_(std::make_unique<IntrusiveList<Entry, ByUse>>()) {}
OpenFileCache::~OpenFileCache() = default;

FoundFile OpenFileCache::open(std::string_view path, const Use& use) {
  uint64_t now = Clock::of_thread().monotonic_ms();
  auto place = entries_.find(path);
  Entry* entry = place == entries_.end() ? nullptr : place->second.get();

  if (!entry || entry->is_closed() || now - entry->checked_ms >= use.valid_ms ||
      !(entry->symlinks == use.symlinks)) {
    struct stat status = {};
    FoundFile found =
        entry ? retest(*entry, use, status) : open_file(path, limits_.mode, use.symlinks, status);
    if (!found && !use.errors) {
      if (entry) drop(*entry);
      return found;
    }
    if (!entry) {
      if (entries_.size() >= limits_.entries) expire(true);
      auto fresh = std::make_unique<Entry>(path);
      entry = fresh.get();
      by_use_->push_back(*entry);
      entries_.emplace(entry->path, std::move(fresh));
    }
    entry->found = std::move(found);
    entry->inode = status.st_ino;
    entry->symlinks = use.symlinks;
    entry->checked_ms = now;
  }

  entry->uses++;
  entry->used_ms = now;
  entry->unlink();
  by_use_->push_back(*entry);
  FoundFile found = entry->found;
  if (entry->uses < use.min_uses) entry->found.file.reset();
  expire(false);
  return found;
}

// What the entry says may be out of date: a stat() tells, and the file stays open if it is still
// the same.
FoundFile OpenFileCache::retest(const Entry& entry, const Use& use, struct stat& status) const {
  if (entry.found.file || entry.found.is_directory) {
    FoundFile now = stat_file(entry.path, use.symlinks, status);
    if (!now || (now.is_directory && entry.found.is_directory)) return now;
    if (entry.found.file && status.st_ino == entry.inode) {
      now.file = entry.found.file;
      return now;
    }
  }
  return open_file(entry.path, limits_.mode, use.symlinks, status);
}

// As nginx does at each use: at most two that were inactive, and before a new one the longest
// unused by force.
void OpenFileCache::expire(bool force_one) {
  uint64_t now = Clock::of_thread().monotonic_ms();
  if (force_one && !by_use_->empty()) drop(by_use_->front());
  for (int i = 0; i < 2 && !by_use_->empty(); ++i) {
    Entry& oldest = by_use_->front();
    if (now - oldest.used_ms <= limits_.inactive_ms) return;
    drop(oldest);
  }
}

void OpenFileCache::drop(Entry& entry) {
  entry.unlink();
  entries_.erase(entries_.find(std::string_view(entry.path)));
}

}  // namespace sluice
