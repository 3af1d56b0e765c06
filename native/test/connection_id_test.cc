// The draft's own test vectors, and what we add to them.

#include "quic/connection_id.h"

#include <set>

#include "test/aes.h"
#include "test/check.h"

namespace {

using namespace sluice;
using namespace sluice::quic;
using test::plain_aes_128;
using Bytes = std::vector<uint8_t>;

Bytes from_hex(std::string_view text) {
  Bytes bytes;
  for (size_t i = 0; i < text.size(); i += 2) {
    bytes.push_back(uint8_t(std::stoi(std::string(text.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

std::string to_hex(std::span<const uint8_t> bytes) {
  std::string text;
  for (uint8_t byte : bytes) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

std::string text_of(std::string_view hex) {
  Bytes bytes = from_hex(hex);
  return {bytes.begin(), bytes.end()};
}

std::span<const uint8_t, BlockCipher::key_size> as_key(const Bytes& bytes) {
  return std::span<const uint8_t, BlockCipher::key_size>(bytes.data(), BlockCipher::key_size);
}

constexpr HalfSipKey mask_key = {0x03020100, 0x07060504};

ConnectionIdScheme::Configuration configuration(uint8_t rotation, std::string_view host,
                                                uint8_t nonce, std::string_view key = {}) {
  return {.rotation = rotation, .host_id = text_of(host), .nonce_size = nonce, .key = text_of(key)};
}

ConnectionIdScheme scheme(std::vector<ConnectionIdScheme::Configuration> configurations,
                          ConnectionIdScheme::Owner self) {
  return {{std::move(configurations), mask_key}, self, plain_aes_128};
}

constexpr std::string_view key_a = "8f95f09245765f80256934e50c66207f";
constexpr std::string_view key_b = "fdf726a9893ec05c0632d3956680baf0";

}  // namespace

TEST("the AES of these tests is AES (FIPS 197, appendix C.1)") {
  test::PlainAes128 aes(as_key(from_hex("000102030405060708090a0b0c0d0e0f")));
  Bytes text = from_hex("00112233445566778899aabbccddeeff");
  BlockCipher::Block block;
  std::ranges::copy(text, block.begin());
  aes.encrypt(block);
  CHECK_EQUAL(to_hex(block), "69c4e0d86a7b0430d8cdb78070b4c55a");
  aes.decrypt(block);
  CHECK_EQUAL(to_hex(block), to_hex(text));
}

TEST("HalfSipHash-2-4 as its authors' test vectors have it") {
  Bytes text;
  std::string_view wanted[] = {"a9359f5b", "27475ab8", "fa62a603", "8afee704"};
  for (std::string_view hash : wanted) {
    uint32_t got = half_sip_hash(mask_key, text);
    Bytes bytes = {uint8_t(got), uint8_t(got >> 8), uint8_t(got >> 16), uint8_t(got >> 24)};
    CHECK_EQUAL(to_hex(bytes), hash);
    text.push_back(uint8_t(text.size()));
  }
}

TEST("server IDs are encrypted as in the draft's test vectors, and read again") {
  struct Vector {
    std::string_view key, server_id, nonce, encrypted;
  };
  constexpr Vector vectors[] = {
      {key_a, "ed793a", "ee080dbf", "20b1d07b359d3c"},
      {key_a, "ed793a51d49b8f5fab65", "ee080dbf48", "cc381bc74cb4fbad2823a3d1f8fed2"},
      {key_a, "ed793a51d49b8f5f", "ee080dbf48c0d1e5", "4dd2d05a7b0de9b2b9907afb5ecf8cc3"},
      {key_a, "ed793a51d49b8f5fab", "ee080dbf48c0d1e55d", "5779c9cc86beb3a3a4a3ca96fce4bfe0cdbc"},
      {key_b, "31441a", "9c69c275", "67947d29be054a"},
  };
  for (const Vector& vector : vectors) {
    ServerIdCipher cipher(plain_aes_128(as_key(from_hex(vector.key))));
    Bytes plain = from_hex(std::string(vector.server_id) + std::string(vector.nonce));
    Bytes text = plain;
    cipher.encrypt(text);
    CHECK_EQUAL(to_hex(text), vector.encrypted);
    cipher.decrypt(text);
    CHECK_EQUAL(to_hex(text), to_hex(plain));
  }
}

TEST("whoever knows the scheme finds host, worker and generation in a connection ID") {
  std::vector<std::vector<ConnectionIdScheme::Configuration>> cases = {
      {},
      {configuration(0, "0a", 15)},
      {configuration(1, "0a0b0c", 13, key_a)},
      {configuration(2, "0a0b", 9, key_a)},
      {configuration(6, "0102030405060708", 8, key_b)},
  };
  for (const auto& configurations : cases) {
    ConnectionIdScheme made = scheme(configurations, {.worker = 7, .generation = 0xabc});
    for (int i = 0; i < 20; ++i) {
      ConnectionId id = made.make();
      CHECK_EQUAL(id.bytes[0] & 0x1f, id.size - 1);
      Bytes packet(id.view().begin(), id.view().end());
      packet.insert(packet.begin(), 0x40);
      CHECK_EQUAL(made.size_in(packet), size_t(id.size));
      auto place = made.locate(id.view());
      CHECK(place && place->here);
      if (place) CHECK_EQUAL(place->owner.worker, 7);
      if (place) CHECK_EQUAL(place->owner.generation, 0xabc);
    }
  }
}

TEST("connection IDs of another host name it") {
  ConnectionIdScheme ours = scheme({configuration(1, "0a01", 14, key_a)}, {});
  ConnectionIdScheme theirs = scheme({configuration(1, "0a02", 14, key_a)}, {});
  auto place = ours.locate(theirs.make().view());
  CHECK(place && !place->here);
  if (place) CHECK_EQUAL(place->host_id, text_of("0a02"));
}

TEST("while the key changes, connection IDs of both configurations are understood") {
  ConnectionIdScheme before = scheme({configuration(0, "0a", 15, key_a)}, {3, 1});
  ConnectionIdScheme after =
      scheme({configuration(1, "0b", 15, key_b), configuration(0, "0a", 15, key_a)}, {3, 2});
  ConnectionIdScheme alone = scheme({}, {3, 0});
  CHECK_EQUAL(after.make().bytes[0] >> 5, 1);
  for (const ConnectionIdScheme* maker : {&before, &after, &alone}) {
    auto place = after.locate(maker->make().view());
    CHECK(place && place->here);
    CHECK(place && place->owner == maker->self());
  }
}

TEST("without a load balancer the rotation bits say that none can route") {
  CHECK_EQUAL(scheme({}, {}).make().bytes[0], 7 << 5 | 19);
}

TEST("nothing that a connection ID shows stays the same from one to the next") {
  ConnectionIdScheme made = scheme({configuration(0, "0a", 15, key_a)}, {1, 1});
  std::vector<std::set<uint8_t>> seen(20);
  for (int i = 0; i < 200; ++i) {
    ConnectionId id = made.make();
    for (size_t at = 1; at < id.size; ++at) seen[at].insert(id.bytes[at]);
  }
  for (size_t at = 1; at < seen.size(); ++at) CHECK(seen[at].size() > 64);
}

TEST("what can't be ours names nobody") {
  ConnectionIdScheme made = scheme({configuration(0, "0a", 15, key_a)}, {});
  ConnectionId id = made.make();
  for (size_t size = 0; size < id.size; ++size) CHECK(!made.locate(id.view().first(size)));
  id.bytes[0] ^= 0x20;
  CHECK(!made.locate(id.view()));
}
