#include "quic/connection_id.h"

#include <unistd.h>

#include <cstring>

#include "base/byte_order.h"

namespace sluice::quic {
namespace {

struct HashKey {
  uint64_t first, second;
};

void fill_randomly(void* out, size_t size) {
  while (::getentropy(out, size) != 0) {
  }
}

const HashKey& hash_key() {
  static const HashKey key = [] {
    HashKey made;
    fill_randomly(&made, sizeof made);
    return made;
  }();
  return key;
}

uint64_t mix(uint64_t a, uint64_t b) {
  unsigned __int128 product = static_cast<unsigned __int128>(a) * b;
  return uint64_t(product) ^ uint64_t(product >> 64);
}

}  // namespace

size_t ConnectionIdHash::operator()(const ConnectionId& id) const {
  const HashKey& key = hash_key();
  uint64_t words[3] = {};
  static_assert(sizeof words >= ConnectionId::max_size);
  std::memcpy(words, id.bytes.data(), id.size);
  uint64_t hash = mix(words[0] ^ key.first, words[1] ^ key.second);
  return size_t(mix(hash ^ key.second, words[2] ^ key.first ^ id.size));
}

ConnectionIdScheme::ConnectionIdScheme(Settings settings, Owner self, BlockCipherMaker cipher)
    : settings_(std::move(settings)), self_(self) {
  if (!configuration_of(Configuration().first_octet())) settings_.configurations.emplace_back();
  for (const Configuration& configuration : settings_.configurations) {
    std::optional<ServerIdCipher>& made = ciphers_.emplace_back();
    if (configuration.key.size() != BlockCipher::key_size) continue;
    auto* key = reinterpret_cast<const uint8_t*>(configuration.key.data());
    made.emplace(
        cipher(std::span<const uint8_t, BlockCipher::key_size>(key, configuration.key.size())));
  }
}

ConnectionId ConnectionIdScheme::make() const {
  const Configuration& configuration = settings_.configurations.front();
  ConnectionId id;
  id.size = uint8_t(configuration.size());
  id.bytes[0] = configuration.first_octet();
  std::span<uint8_t> text(&id.bytes[1], configuration.text_size());
  std::ranges::copy(configuration.host_id, text.begin());
  fill_randomly(text.data() + configuration.host_id.size(), configuration.nonce_size);
  if (ciphers_.front()) ciphers_.front()->encrypt(text);
  uint32_t process = self_.number() ^ mask(id.view());
  for (size_t i = 1; i <= process_size; ++i, process >>= 8)
    id.bytes[id.size - i] = uint8_t(process);
  return id;
}

std::optional<ConnectionIdScheme::Place> ConnectionIdScheme::locate(
    std::span<const uint8_t> id) const {
  if (id.empty()) return std::nullopt;
  std::optional<size_t> at = configuration_of(id[0]);
  if (!at || settings_.configurations[*at].size() != id.size()) return std::nullopt;
  const Configuration& configuration = settings_.configurations[*at];

  std::array<uint8_t, ServerIdCipher::max_size> buffer;
  std::span<uint8_t> text = std::span(buffer).first(configuration.text_size());
  std::ranges::copy(id.subspan(1, text.size()), text.begin());
  if (ciphers_[*at]) ciphers_[*at]->decrypt(text);
  Place place;
  place.host_id.assign(text.begin(), text.begin() + long(configuration.host_id.size()));
  place.here = place.host_id == configuration.host_id;

  auto process = uint32_t(big_endian(id.last(process_size)));
  process ^= mask(id);
  constexpr uint32_t low = most_owners - 1;
  place.owner = {uint16_t(process >> owner_bits & low), uint16_t(process & low)};
  return place;
}

size_t ConnectionIdScheme::size_in(std::span<const uint8_t> packet) const {
  std::optional<size_t> at;
  if (packet.size() > 1) at = configuration_of(packet[1]);
  return settings_.configurations[at.value_or(0)].size();
}

std::optional<size_t> ConnectionIdScheme::configuration_of(uint8_t first_octet) const {
  for (size_t i = 0; i < settings_.configurations.size(); ++i) {
    if (settings_.configurations[i].first_octet() == first_octet) return i;
  }
  return std::nullopt;
}

uint32_t ConnectionIdScheme::mask(std::span<const uint8_t> id) const {
  auto hashed = id.subspan(id.size() - process_size - hashed_size, hashed_size);
  return half_sip_hash(settings_.process_key, hashed) & 0xff'ffff;
}

}  // namespace sluice::quic
