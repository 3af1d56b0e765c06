#pragma once

#include <array>
#include <memory>
#include <optional>
#include <span>

#include "base/shared_zone.h"
#include "tls/ocsp.h"

namespace sluice::tls {

/// What responders said of clients' certificates, for all workers: `ssl_ocsp_cache`. A table of
/// fixed size; where a certificate's place is taken, the answer that would expire first goes.
class OcspCache {
 public:
  /// Null when the zone can't be used.
  static std::unique_ptr<OcspCache> map(int descriptor);

  /// The status of a certificate, if it is known and still valid.
  std::optional<int> find(const OcspSubject& subject);
  void add(const OcspSubject& subject, const OcspStatus& status);

 private:
  /// The issuer's name and key as digests, the serial number.
  using Key = std::array<unsigned char, 60>;
  struct Entry {
    Key key;
    int32_t status;
    int64_t valid_until;
  };
  static constexpr size_t ways = 4;

  explicit OcspCache(SharedZone zone) : zone_(std::move(zone)) {}
  static std::optional<Key> key_of(const OcspSubject& subject);
  /// Where a key may be: entries next to each other. The lock is held.
  std::span<Entry> places(const Key& key);

  SharedZone zone_;
  std::span<Entry> entries_;
};

}  // namespace sluice::tls
