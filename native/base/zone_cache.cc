#include "base/zone_cache.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstring>
#include <new>

namespace sluice {

struct ZoneCache::Header {
  uint64_t chain_count;  ///< a power of two
  uint64_t ring_size;
  uint64_t tail;  ///< the position of the oldest record
  uint64_t head;  ///< where the next one goes
};

struct ZoneCache::Record {
  uint64_t next;  ///< in the chain: an older one
  int64_t expires;
  uint32_t size;  ///< with what follows it, until the next record
  uint32_t hash;
  uint16_t key_size;
  uint16_t value_size;
  bool removed;

  unsigned char* bytes() { return reinterpret_cast<unsigned char*>(this + 1); }
  Bytes key() { return {bytes(), key_size}; }
  Bytes value() { return {bytes() + key_size, value_size}; }
};

namespace {

constexpr uint64_t align = 8;
/// What a session takes, about: one chain each.
constexpr uint64_t usual_record = 256;

constexpr uint64_t aligned(uint64_t size) { return (size + align - 1) & ~(align - 1); }

/// What comes before is in place when what follows is seen, also by whoever finds the memory of a
/// process that was killed.
void in_order() { std::atomic_thread_fence(std::memory_order_release); }

}  // namespace

uint64_t ZoneCache::lay_out(SharedZone& zone) {
  size_t size = 0;
  uint64_t offset = zone.take_rest(size);
  size &= ~(align - 1);
  if (!offset || size < 16 * usual_record) return 0;
  auto* header = ::new (zone.address(offset, size)) Header{};
  header->chain_count = std::bit_floor(size / usual_record);
  header->ring_size = size - sizeof(Header) - header->chain_count * sizeof(uint64_t);
  // Position 0 ends chains.
  header->tail = header->head = header->ring_size;
  return offset;
}

ZoneCache::ZoneCache(SharedZone& zone, uint64_t offset)
    : zone_(zone),
      header_(static_cast<Header*>(zone.address(offset, sizeof(Header)))),
      chains_(reinterpret_cast<uint64_t*>(header_ + 1)),
      ring_(reinterpret_cast<char*>(chains_ + header_->chain_count)) {}

// FNV-1a: keys are random already, most of them.
uint32_t ZoneCache::hash(Bytes key) {
  uint32_t value = 2166136261;
  for (unsigned char byte : key) value = (value ^ byte) * 16777619;
  return value;
}

ZoneCache::Record* ZoneCache::at(uint64_t position) const {
  return reinterpret_cast<Record*>(ring_ + position % header_->ring_size);
}

uint64_t* ZoneCache::chain(uint32_t hash) const {
  return chains_ + (hash & (header_->chain_count - 1));
}

// A chain's positions must fall: what a killed worker has left half done ends it.
ZoneCache::Record* ZoneCache::find(Bytes key, int64_t now) const {
  uint32_t wanted = hash(key);
  uint64_t position = *chain(wanted);
  if (position >= header_->head) return nullptr;
  while (position >= header_->tail && position) {
    Record* record = at(position);
    if (record->hash == wanted && std::ranges::equal(record->key(), key)) {
      return record->removed || record->expires < now ? nullptr : record;
    }
    if (record->next >= position) break;
    position = record->next;
  }
  return nullptr;
}

bool ZoneCache::get(Bytes key, int64_t now, std::string& value) {
  SharedZone::Lock lock(zone_);
  Record* record = find(key, now);
  if (!record) return false;
  Bytes found = record->value();
  value.assign(reinterpret_cast<const char*>(found.data()), found.size());
  return true;
}

bool ZoneCache::put(Bytes key, Bytes value, int64_t expires) {
  SharedZone::Lock lock(zone_);
  return append(key, value, expires);
}

bool ZoneCache::claim(Bytes key, int64_t now, int64_t expires) {
  SharedZone::Lock lock(zone_);
  return !find(key, now) && append(key, {}, expires);
}

void ZoneCache::remove(Bytes key) {
  SharedZone::Lock lock(zone_);
  if (Record* record = find(key, 0)) record->removed = true;
}

// The next record's position. None begins where the ring has no room for its head.
uint64_t ZoneCache::behind(uint64_t position) const {
  uint64_t next = position + at(position)->size;
  uint64_t rest = header_->ring_size - next % header_->ring_size;
  return rest < sizeof(Record) ? next + rest : next;
}

// Forgets the oldest, until the ring is free up to `position`.
void ZoneCache::make_room(uint64_t position) {
  uint64_t tail = header_->tail;
  while (tail < header_->head && position - tail > header_->ring_size) tail = behind(tail);
  header_->tail = tail;
  in_order();
}

bool ZoneCache::append(Bytes key, Bytes value, int64_t expires) {
  const uint64_t ring = header_->ring_size;
  uint64_t size = aligned(sizeof(Record) + key.size() + value.size());
  if (size > ring / 8 || key.size() > UINT16_MAX || value.size() > UINT16_MAX) return false;
  uint64_t position = header_->head;
  uint64_t rest = ring - position % ring;
  if (rest < size) {
    // A record that nobody finds fills the ring's end.
    make_room(position + rest);
    ::new (at(position)) Record{.next = 0,
                                .expires = 0,
                                .size = uint32_t(rest),
                                .hash = 0,
                                .key_size = 0,
                                .value_size = 0,
                                .removed = true};
    in_order();
    header_->head = position += rest;
  }
  make_room(position + size);
  uint32_t hashed = hash(key);
  uint64_t* first = chain(hashed);
  Record* record = ::new (at(position)) Record{.next = *first < position ? *first : 0,
                                               .expires = expires,
                                               .size = uint32_t(size),
                                               .hash = hashed,
                                               .key_size = uint16_t(key.size()),
                                               .value_size = uint16_t(value.size()),
                                               .removed = false};
  std::ranges::copy(key, record->bytes());
  std::ranges::copy(value, record->bytes() + key.size());
  in_order();
  header_->head = position + size;
  if (ring - header_->head % ring < sizeof(Record)) header_->head = behind(position);
  in_order();
  *first = position;
  return true;
}

}  // namespace sluice
