#include "proxy/upstream_zone.h"

#include <unistd.h>

#include <cstring>

namespace sluice {

// The zone's root is the first of a chain; the name, `GROUP ADDRESS`, follows the record.
struct UpstreamZone::Record {
  Offset<Record> next;
  uint32_t name_size;
  PeerState state;
};

std::unique_ptr<UpstreamZone> UpstreamZone::map(int descriptor) {
  std::optional<SharedZone> zone = SharedZone::map(Descriptor(::dup(descriptor)));
  if (!zone) return nullptr;
  return std::unique_ptr<UpstreamZone>(new UpstreamZone(std::move(*zone)));
}

PeerState* UpstreamZone::state(std::string_view group, const Peer& peer) {
  std::string name = std::string(group) + ' ' + peer.name;
  auto name_of = [](const Record* record) {
    return std::string_view(reinterpret_cast<const char*>(record + 1), record->name_size);
  };
  for (Offset<Record> at{zone_.root()}; at;) {
    Record* record = zone_.at(at);
    if (name_of(record) == name) {
      if (record->state.weight != peer.weight) {
        record->state.weight = record->state.effective_weight = peer.weight;
        record->state.current_weight = 0;
      }
      return &record->state;
    }
    at = record->next;
  }
  uint64_t offset = zone_.allocate(sizeof(Record) + name.size());
  if (!offset) return nullptr;
  Record* record = new (zone_.address(offset, sizeof(Record) + name.size())) Record{};
  record->next = Offset<Record>{zone_.root()};
  record->name_size = uint32_t(name.size());
  std::memcpy(record + 1, name.data(), name.size());
  record->state.weight = record->state.effective_weight = peer.weight;
  zone_.set_root(offset);
  return &record->state;
}

}  // namespace sluice
