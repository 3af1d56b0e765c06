#include "tls/ticket_key_ring.h"

#include <unistd.h>

namespace sluice::tls {

std::unique_ptr<TicketKeyRing> TicketKeyRing::map(int descriptor) {
  std::optional<SharedZone> zone = SharedZone::map(Descriptor(::dup(descriptor)));
  if (!zone) return nullptr;
  std::unique_ptr<TicketKeyRing> made(new TicketKeyRing(std::move(*zone)));
  return made->open() ? std::move(made) : nullptr;
}

bool TicketKeyRing::open() {
  {
    SharedZone::Lock lock(zone_);
    Offset<SharedTicketKeys::Memory> memory{zone_.root()};
    if (!memory) {
      memory = zone_.make<SharedTicketKeys::Memory>();
      zone_.set_root(memory.value);
    }
    if (!memory || !zone_.at(memory)) return false;
    shared_.emplace(zone_, *zone_.at(memory));
  }
  keys_ = shared_->list();
  return true;
}

std::string TicketKeyRing::bytes() const {
  std::string all;
  for (const TicketKey& key : keys_) {
    TicketKey::Bytes bytes = key.bytes();
    all.append(bytes.begin(), bytes.end());
  }
  return all;
}

void TicketKeyRing::replace(std::span<const unsigned char> keys) {
  constexpr size_t size = std::tuple_size_v<TicketKey::Bytes>;
  keys_.clear();
  for (; keys.size() >= size; keys = keys.subspan(size)) {
    keys_.push_back(TicketKey::parse(keys.first(size)));
  }
  version_++;
  shared_->replace(keys_);
}

}  // namespace sluice::tls
