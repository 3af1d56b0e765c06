#include "tls/shared_ticket_keys.h"

#include <openssl/rand.h>

#include <algorithm>

namespace sluice::tls {

SharedTicketKeys::Memory::List& SharedTicketKeys::spare() {
  return memory_.lists[~memory_.in_force & 1];
}

void SharedTicketKeys::put_in_force(const Memory::List& list) {
  memory_.in_force.store(uint32_t(&list - memory_.lists), std::memory_order_release);
}

std::vector<TicketKey> SharedTicketKeys::read() const {
  const Memory::List& list = memory_.lists[memory_.in_force & 1];
  std::vector<TicketKey> keys;
  for (uint32_t i = 0; i < std::min<uint32_t>(list.count, most); ++i) {
    keys.push_back(TicketKey::parse(list.items[i].bytes));
  }
  return keys;
}

std::vector<TicketKey> SharedTicketKeys::list() {
  SharedZone::Lock lock(zone_);
  return read();
}

void SharedTicketKeys::replace(std::span<const TicketKey> keys) {
  SharedZone::Lock lock(zone_);
  Memory::List& next = spare();
  next.count = 0;
  for (const TicketKey& key : keys.first(std::min(keys.size(), most))) {
    next.items[next.count++] = {key.bytes(), 0};
  }
  put_in_force(next);
}

std::vector<TicketKey> SharedTicketKeys::rotate(int64_t now, int64_t lifetime) {
  SharedZone::Lock lock(zone_);
  Memory::List& list = memory_.lists[memory_.in_force & 1];
  if (list.count < 2 || list.items[1].expires < now) {
    Memory::List& next = spare();
    next.count = 0;
    if (RAND_bytes(next.items[0].bytes.data(), int(next.items[0].bytes.size())) != 1) return read();
    next.items[0].expires = now + lifetime;
    next.items[1] = list.count ? list.items[0] : next.items[0];
    next.count = 2;
    put_in_force(next);
  } else if (list.items[0].expires < now + lifetime) {
    list.items[0].expires = now + lifetime;
  }
  return read();
}

}  // namespace sluice::tls
