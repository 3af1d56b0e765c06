// Connection IDs as strangers send them, and as we make them: whatever the lengths, what was made
// is read again, and nothing else is taken for ours by anyone but chance.

#include <cstring>

#include "fuzz/split.h"
#include "quic/connection_id.h"
#include "test/aes.h"

namespace {

using namespace sluice;
using namespace sluice::quic;

/// Takes its inputs off the front, and zeros once they are used up.
struct Input {
  std::span<const uint8_t> rest;
  uint8_t byte() {
    if (rest.empty()) return 0;
    uint8_t first = rest[0];
    rest = rest.subspan(1);
    return first;
  }
  std::string text(size_t size) {
    std::string made;
    while (made.size() < size) made.push_back(char(byte()));
    return made;
  }
};

ConnectionIdScheme::Configuration configuration(Input& input) {
  uint8_t sizes = input.byte();
  size_t host_size = 1 + (sizes & 7);
  auto nonce_size = uint8_t(8 + (sizes >> 3) % (9 - host_size));
  bool has_key = input.byte() & 1;
  return {.rotation = uint8_t(input.byte() % 7),
          .host_id = input.text(host_size),
          .nonce_size = nonce_size,
          .key = has_key ? input.text(BlockCipher::key_size) : std::string()};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input{{data, size}};
  ConnectionIdScheme::Settings settings;
  for (uint8_t count = input.byte() % 3; count > 0; --count) {
    settings.configurations.push_back(configuration(input));
  }
  constexpr uint16_t owners = ConnectionIdScheme::most_owners;
  ConnectionIdScheme::Owner self = {uint16_t(input.byte() * 16 % owners),
                                    uint16_t(input.byte() * 15 % owners)};
  ConnectionIdScheme scheme(settings, self, test::plain_aes_128);

  ConnectionId made = scheme.make();
  auto place = scheme.locate(made.view());
  FUZZ_REQUIRE(place && place->here && place->owner == self);

  fuzz::Exact rest({reinterpret_cast<const char*>(input.rest.data()), input.rest.size()});
  std::span<const uint8_t> bytes(reinterpret_cast<const uint8_t*>(rest.view().data()),
                                 rest.view().size());
  FUZZ_REQUIRE(scheme.size_in(bytes) <= ConnectionId::max_size);
  place = scheme.locate(bytes);
  if (place) {
    FUZZ_REQUIRE(bytes.size() >= 1 + 8 + ConnectionIdScheme::process_size);
    FUZZ_REQUIRE(place->owner.worker < owners && place->owner.generation < owners);
  }

  if (bytes.size() > BlockCipher::key_size) {
    ServerIdCipher cipher(test::plain_aes_128(bytes.first<BlockCipher::key_size>()));
    auto text = bytes.subspan(BlockCipher::key_size);
    text = text.first(std::min(text.size(), ServerIdCipher::max_size));
    if (text.size() < ServerIdCipher::min_size) return 0;
    std::vector<uint8_t> changed(text.begin(), text.end());
    cipher.encrypt(changed);
    cipher.decrypt(changed);
    FUZZ_REQUIRE(std::ranges::equal(changed, text));
  }
  return 0;
}
