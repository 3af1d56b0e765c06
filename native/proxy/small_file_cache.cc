#include "proxy/small_file_cache.h"

#include <string>

#include "base/clock.h"

namespace sluice {

namespace {

/// What tells that a file was neither replaced nor written to.
struct Identity {
  explicit Identity(const struct stat& status)
      : device(status.st_dev),
        inode(status.st_ino),
        size(status.st_size),
        modified(status.st_mtim),
        changed(status.st_ctim) {}

  bool operator==(const Identity& other) const {
    auto same = [](const timespec& a, const timespec& b) {
      return a.tv_nsec == b.tv_nsec && a.tv_sec == b.tv_sec;
    };
    return inode == other.inode && device == other.device && size == other.size &&
           same(modified, other.modified) && same(changed, other.changed);
  }

  dev_t device;
  ino_t inode;
  off_t size;
  timespec modified;
  timespec changed;
};

/// Two writes within one tick of the file system's clock look like one: a file is trusted when it
/// has been left alone for longer than any such tick.
constexpr int64_t settled_after_s = 2;

bool is_settled(const Identity& identity) {
  int64_t latest = Clock::of_thread().seconds() - settled_after_s;
  return identity.modified.tv_sec < latest && identity.changed.tv_sec < latest;
}

}  // namespace

struct SmallFileCache::Entry : ListHook<ByUse> {
  Entry(std::string_view the_path, const struct stat& status, std::unique_ptr<char[]> the_bytes)
      : path(the_path), identity(status), found(describe(status)), bytes(std::move(the_bytes)) {
    found.bytes = {bytes.get(), found.size};
  }
  size_t cost() const { return sizeof(Entry) + path.size() + found.size; }

  std::string path;
  Identity identity;
  FoundFile found;
  std::unique_ptr<char[]> bytes;
  uint64_t checked_in_turn = 0;
};

SmallFileCache& SmallFileCache::of_thread() {
  thread_local SmallFileCache cache;
  return cache;
}

SmallFileCache::SmallFileCache() : by_use_(std::make_unique<IntrusiveList<Entry, ByUse>>()) {}
SmallFileCache::~SmallFileCache() = default;

FoundFile SmallFileCache::open(std::string_view path) {
  begin_turn();
  auto place = entries_.find(path);
  if (place == entries_.end()) return load(path);
  Entry& entry = *place->second;
  if (entry.checked_in_turn != turn_) {
    struct stat status;
    if (::stat(path.data(), &status) != 0 || !(Identity(status) == entry.identity)) {
      retire(entry);
      return load(path);
    }
    entry.checked_in_turn = turn_;
  }
  entry.unlink();
  by_use_->push_back(entry);
  return entry.found;
}

FoundFile SmallFileCache::load(std::string_view path) {
  struct stat status;
  FoundFile found = open_file(path, OpenMode::read, {}, status);
  if (!found || !found.is_regular || found.size > max_file_size || found.size == 0) return found;
  auto bytes = std::make_unique_for_overwrite<char[]>(found.size);
  // A file that is being cut short is sent as it is at that moment.
  if (::pread(found.file->descriptor(), bytes.get(), found.size, 0) != ssize_t(found.size)) {
    return found;
  }
  auto entry = std::make_unique<Entry>(path, status, std::move(bytes));
  found = entry->found;
  if (is_settled(entry->identity)) {
    keep(std::move(entry));
  } else {
    retired_.push_back(std::move(entry));
  }
  return found;
}

void SmallFileCache::keep(std::unique_ptr<Entry> entry) {
  while (!by_use_->empty() && total_size_ + entry->cost() > max_total_size) {
    retire(by_use_->front());
  }
  total_size_ += entry->cost();
  entry->checked_in_turn = turn_;
  by_use_->push_back(*entry);
  std::string_view key = entry->path;
  entries_.emplace(key, std::move(entry));
}

void SmallFileCache::retire(Entry& entry) {
  total_size_ -= entry.cost();
  entry.unlink();
  auto node = entries_.extract(std::string_view(entry.path));
  retired_.push_back(std::move(node.mapped()));
}

// The clock is read once a turn: its time tells turns apart.
void SmallFileCache::begin_turn() {
  uint64_t now = Clock::of_thread().monotonic_us();
  if (now == turn_) return;
  turn_ = now;
  retired_.clear();
}

}  // namespace sluice
