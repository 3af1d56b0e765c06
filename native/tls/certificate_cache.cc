#include "tls/certificate_cache.h"

#include <sys/stat.h>

#include "base/clock.h"

namespace sluice::tls {

namespace {

constexpr std::string_view data_prefix = "data:";

bool is_elsewhere(std::string_view name) {
  return name.starts_with(store_prefix) || name.starts_with(engine_prefix);
}

bool is_file(std::string_view name) {
  return !name.starts_with(data_prefix) && !is_elsewhere(name);
}

/// The text that a name stands for; false with OpenSSL's errors of opening a file.
bool read_text(const std::string& name, std::string& text, std::string& error) {
  if (is_elsewhere(name)) return true;
  if (!is_file(name)) {
    text = name.substr(data_prefix.size());
    return true;
  }
  BioPtr bio(BIO_new_file(name.c_str(), "r"));
  if (!bio) {
    error = "BIO_new_file() failed";
    return false;
  }
  char piece[4096];
  for (int size; (size = BIO_read(bio.get(), piece, sizeof piece)) > 0;) {
    text.append(piece, size_t(size));
  }
  return true;
}

}  // namespace

std::string CertificateCache::full_name(std::string_view name) const {
  std::string path(name);
  return is_file(name) && !name.starts_with('/') ? folder_ + path : path;
}

STACK_OF(X509) * CertificateCache::chain(std::string_view name, bool afresh, std::string& error) {
  std::string path = full_name(name);
  std::string id = "certificate " + path;
  if (Entry* entry = find(id, path, afresh)) return entry->chain.get();
  std::string text;
  if (!read_text(path, text, error)) return nullptr;
  ChainPtr chain = load_chain({path, text}, error);
  if (!chain) return nullptr;
  return add({.id = std::move(id), .chain = std::move(chain), .key = {}}, path).chain.get();
}

EVP_PKEY* CertificateCache::key(std::string_view name, std::span<const std::string_view> passwords,
                                bool afresh, std::string& error) {
  std::string path = full_name(name);
  std::string id = "key " + path;
  if (Entry* entry = find(id, path, afresh)) return entry->key.get();
  std::string text;
  if (!read_text(path, text, error)) return nullptr;
  bool encrypted = false;
  KeyPtr key = load_key({path, text}, passwords, error, &encrypted);
  if (!key) return nullptr;
  // Who has no password must not get it.
  if (encrypted) {
    uncached_ = {.id = {}, .chain = {}, .key = std::move(key)};
    return uncached_.key.get();
  }
  return add({.id = std::move(id), .chain = {}, .key = std::move(key)}, path).key.get();
}

CertificateCache::Entry* CertificateCache::find(const std::string& id, const std::string& path,
                                                bool afresh) {
  auto known = by_id_.find(id);
  if (known == by_id_.end()) return nullptr;
  Entries::iterator entry = known->second;
  int64_t now = Clock::of_thread().seconds();
  if (is_file(path) && now - entry->checked > limits_.valid) {
    struct stat status;
    afresh = afresh || ::stat(path.c_str(), &status) < 0 || status.st_mtime != entry->modified ||
             status.st_ino != entry->inode;
    entry->checked = now;
  }
  if (afresh) {
    drop(entry);
    return nullptr;
  }
  entry->accessed = now;
  entries_.splice(entries_.begin(), entries_, entry);
  return &*entry;
}

CertificateCache::Entry& CertificateCache::add(Entry entry, const std::string& path) {
  if (limits_.max == 0) {
    uncached_ = std::move(entry);
    return uncached_;
  }
  expire(entries_.size() >= limits_.max);
  struct stat status = {};
  if (is_file(path)) ::stat(path.c_str(), &status);
  entry.accessed = entry.checked = Clock::of_thread().seconds();
  entry.modified = status.st_mtime;
  entry.inode = status.st_ino;
  entries_.push_front(std::move(entry));
  by_id_.emplace(entries_.front().id, entries_.begin());
  return entries_.front();
}

// As nginx: a few at a time.
void CertificateCache::expire(bool one_at_least) {
  int64_t now = Clock::of_thread().seconds();
  for (int i = one_at_least ? 0 : 1; i < 3 && !entries_.empty(); ++i) {
    auto oldest = std::prev(entries_.end());
    if (i > 0 && now - oldest->accessed <= limits_.inactive) return;
    drop(oldest);
  }
}

void CertificateCache::drop(Entries::iterator entry) {
  by_id_.erase(entry->id);
  // A caller may still hold what was in it.
  uncached_ = std::move(*entry);
  entries_.erase(entry);
}

}  // namespace sluice::tls
