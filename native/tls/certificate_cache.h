#pragma once

#include <sys/types.h>

#include <cstdint>
#include <list>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "tls/pem.h"

namespace sluice::tls {

/// Certificates and keys whose names are known only when a connection comes. Keeps the last ones
/// used, and looks at their files again from time to time; but no key that had to be decrypted.
class CertificateCache {
 public:
  struct Limits {
    size_t max = 0;         ///< certificates and keys; 0: none is kept
    int64_t inactive = 10;  ///< seconds without use until one is dropped
    int64_t valid = 60;     ///< seconds until its file is looked at again
  };
  /// `folder`: where names that don't begin with `/` are.
  CertificateCache(Limits limits, std::string folder)
      : limits_(limits), folder_(std::move(folder)) {}

  /// Null with `error`, as load_chain() and load_key(). What is found is good until the next call
  /// of either. `afresh`: not from the cache.
  STACK_OF(X509) * chain(std::string_view name, bool afresh, std::string& error);
  EVP_PKEY* key(std::string_view name, std::span<const std::string_view> passwords, bool afresh,
                std::string& error);
  /// The name as messages show it.
  std::string full_name(std::string_view name) const;

 private:
  struct Entry {
    std::string id;
    ChainPtr chain;
    KeyPtr key;
    int64_t accessed = 0;
    int64_t checked = 0;
    int64_t modified = 0;
    ino_t inode = 0;
  };
  using Entries = std::list<Entry>;

  Entry* find(const std::string& id, const std::string& path, bool afresh);
  Entry& add(Entry entry, const std::string& path);
  void expire(bool one_at_least);
  void drop(Entries::iterator entry);

  Limits limits_;
  std::string folder_;
  Entries entries_;  ///< the last one used comes first
  std::unordered_map<std::string_view, Entries::iterator> by_id_;
  Entry uncached_;
};

}  // namespace sluice::tls
