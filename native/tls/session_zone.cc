#include "tls/session_zone.h"

#include <unistd.h>

namespace sluice::tls {

struct SessionZone::Root {
  static constexpr uint32_t current_layout = 1;
  uint32_t layout = current_layout;
  uint64_t sessions = 0;
  SharedTicketKeys::Memory ticket_keys;
};

std::unique_ptr<SessionZone> SessionZone::map(int descriptor) {
  std::optional<SharedZone> zone = SharedZone::map(Descriptor(::dup(descriptor)));
  if (!zone) return nullptr;
  std::unique_ptr<SessionZone> made(new SessionZone(std::move(*zone)));
  return made->open() ? std::move(made) : nullptr;
}

bool SessionZone::open() {
  SharedZone::Lock lock(zone_);
  Offset<Root> offset{zone_.root()};
  if (!offset) {
    offset = zone_.make<Root>();
    if (!offset) return false;
    zone_.at(offset)->sessions = ZoneCache::lay_out(zone_);
    zone_.set_root(offset.value);
  }
  Root* root = zone_.at(offset);
  if (!root || root->layout != Root::current_layout || !root->sessions) return false;
  sessions_.emplace(zone_, root->sessions);
  ticket_keys_.emplace(zone_, root->ticket_keys);
  return true;
}

}  // namespace sluice::tls
