#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/shared_zone.h"

namespace sluice {

/// A cache in a shared zone: keys to values, each until its time; a full one forgets the oldest.
///
/// Records lie one behind the other in a ring, found by chains of positions, which only ever grow.
/// A position before the ring's tail is gone, and all that follow it in its chain are older: what
/// makes room is one number. So a worker may be killed at any moment within the lock: what it was
/// writing is lost, and nothing has to be repaired.
class ZoneCache {
 public:
  using Bytes = std::span<const unsigned char>;

  /// Divides what is left of a zone; its offset for the constructor, 0 when that is too little. The
  /// zone's lock is held.
  static uint64_t lay_out(SharedZone& zone);
  /// `offset`: what lay_out() said, to whichever process.
  ZoneCache(SharedZone& zone, uint64_t offset);

  // Each takes the zone's lock. Times are seconds since 1970.

  /// False for what is too large: an eighth of the ring, or 64 KiB.
  bool put(Bytes key, Bytes value, int64_t expires);
  /// Fills `value`; false when there is none, or its time is over.
  bool get(Bytes key, int64_t now, std::string& value);
  /// Puts an empty value, unless the key is there: whether it wasn't. False, too, if it can't be
  /// put.
  bool claim(Bytes key, int64_t now, int64_t expires);
  void remove(Bytes key);

 private:
  struct Header;
  struct Record;

  static uint32_t hash(Bytes key);
  Record* at(uint64_t position) const;
  uint64_t* chain(uint32_t hash) const;
  Record* find(Bytes key, int64_t now) const;
  bool append(Bytes key, Bytes value, int64_t expires);
  uint64_t behind(uint64_t position) const;
  void make_room(uint64_t position);

  SharedZone& zone_;
  Header* header_;
  uint64_t* chains_;
  char* ring_;
};

}  // namespace sluice
