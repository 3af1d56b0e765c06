#include "tls/ocsp_cache.h"

#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <string_view>

#include "base/clock.h"

namespace sluice::tls {

namespace {

/// Of an answer that says no end.
constexpr int64_t seconds_without_end = 3600;

}  // namespace

std::unique_ptr<OcspCache> OcspCache::map(int descriptor) {
  std::optional<SharedZone> zone = SharedZone::map(Descriptor(::dup(descriptor)));
  if (!zone) return nullptr;
  std::unique_ptr<OcspCache> cache(new OcspCache(std::move(*zone)));
  SharedZone::Lock lock(cache->zone_);
  size_t bytes = std::bit_floor(cache->zone_.size()) / 2;
  uint64_t table = cache->zone_.root();
  if (!table) {
    table = cache->zone_.allocate(bytes);
    cache->zone_.set_root(table);
  }
  void* entries = cache->zone_.address(table, bytes);
  if (!entries) return nullptr;
  cache->entries_ = {static_cast<Entry*>(entries), bytes / sizeof(Entry)};
  return cache;
}

std::optional<OcspCache::Key> OcspCache::key_of(const OcspSubject& subject) {
  Key key{};
  const ASN1_INTEGER* serial = X509_get0_serialNumber(subject.certificate);
  constexpr int digest_size = 20;
  if (!X509_NAME_digest(X509_get_subject_name(subject.issuer), EVP_sha1(), key.data(), nullptr) ||
      !X509_pubkey_digest(subject.issuer, EVP_sha1(), key.data() + digest_size, nullptr) ||
      ASN1_STRING_length(serial) > digest_size) {
    return std::nullopt;
  }
  std::memcpy(key.data() + 2 * digest_size, ASN1_STRING_get0_data(serial),
              size_t(ASN1_STRING_length(serial)));
  return key;
}

std::span<OcspCache::Entry> OcspCache::places(const Key& key) {
  std::string_view text(reinterpret_cast<const char*>(key.data()), key.size());
  size_t group = std::hash<std::string_view>{}(text) % (entries_.size() / ways);
  return entries_.subspan(group * ways, ways);
}

std::optional<int> OcspCache::find(const OcspSubject& subject) {
  std::optional<Key> key = key_of(subject);
  if (!key) return std::nullopt;
  SharedZone::Lock lock(zone_);
  // An entry may be half written.
  if (lock.owner_died()) std::ranges::fill(entries_, Entry{});
  for (const Entry& entry : places(*key)) {
    if (entry.key == *key && entry.valid_until > Clock::of_thread().seconds()) return entry.status;
  }
  return std::nullopt;
}

void OcspCache::add(const OcspSubject& subject, const OcspStatus& status) {
  int64_t now = Clock::of_thread().seconds();
  int64_t until =
      status.valid_until == OcspStatus::forever ? now + seconds_without_end : status.valid_until;
  std::optional<Key> key = key_of(subject);
  if (!key || until < now) return;
  SharedZone::Lock lock(zone_);
  if (lock.owner_died()) std::ranges::fill(entries_, Entry{});
  std::span<Entry> group = places(*key);
  auto place = std::ranges::find(group, *key, &Entry::key);
  if (place == group.end()) place = std::ranges::min_element(group, {}, &Entry::valid_until);
  *place = {*key, status.status, until};
}

}  // namespace sluice::tls
