#pragma once

#include <bit>

#include "quic/block_cipher.h"

namespace sluice::test {

/// AES-128 (FIPS 197) out of its definition, for tests alone: the data plane's own is the Node
/// executable's, which a test program doesn't have.
class PlainAes128 final : public quic::BlockCipher {
 public:
  explicit PlainAes128(std::span<const uint8_t, key_size> key) {
    std::copy(key.begin(), key.end(), keys_.begin());
    uint8_t constant = 1;
    for (size_t i = key_size; i < keys_.size(); ++i) {
      uint8_t before = keys_[i - 4];
      if (i % key_size < 4) {
        size_t rotated = i % 4 == 3 ? i - 7 : i - 3;
        before = substitute(keys_[rotated]) ^ (i % key_size == 0 ? constant : uint8_t{0});
        if (i % key_size == 3) constant = twice(constant);
      }
      keys_[i] = keys_[i - key_size] ^ before;
    }
  }

  void encrypt(Block& block) const override {
    add_key(block, 0);
    for (size_t round = 1; round <= rounds; ++round) {
      Block moved;
      for (size_t i = 0; i < block.size(); ++i) {
        moved[i] = substitute(block[(i + i % 4 * 4) % block.size()]);
      }
      block = moved;
      if (round < rounds) mix_columns(block);
      add_key(block, round);
    }
  }

  void decrypt(Block& block) const override {
    for (size_t round = rounds; round > 0; --round) {
      add_key(block, round);
      // Four times the same mixing are none: three undo one.
      if (round < rounds) {
        for (int i = 0; i < 3; ++i) mix_columns(block);
      }
      Block moved;
      for (size_t i = 0; i < block.size(); ++i) {
        moved[(i + i % 4 * 4) % block.size()] = unsubstitute(block[i]);
      }
      block = moved;
    }
    add_key(block, 0);
  }

 private:
  static constexpr size_t rounds = 10;

  static constexpr uint8_t twice(uint8_t x) { return uint8_t(x << 1 ^ (x & 0x80 ? 0x1b : 0)); }
  static constexpr uint8_t times(uint8_t a, uint8_t b) {
    uint8_t product = 0;
    for (; b; b >>= 1, a = twice(a)) product ^= b & 1 ? a : uint8_t{0};
    return product;
  }
  static constexpr uint8_t substitute(uint8_t x) {
    uint8_t inverse = 1;
    for (int i = 0; i < 254; ++i) inverse = times(inverse, x);
    return inverse ^ std::rotl(inverse, 1) ^ std::rotl(inverse, 2) ^ std::rotl(inverse, 3) ^
           std::rotl(inverse, 4) ^ 0x63;
  }
  static uint8_t unsubstitute(uint8_t x) {
    static const std::array<uint8_t, 256> table = [] {
      std::array<uint8_t, 256> made;
      for (unsigned i = 0; i < made.size(); ++i) made[substitute(uint8_t(i))] = uint8_t(i);
      return made;
    }();
    return table[x];
  }
  static void mix_columns(Block& block) {
    for (size_t at = 0; at < block.size(); at += 4) {
      uint8_t a = block[at], b = block[at + 1], c = block[at + 2], d = block[at + 3];
      block[at] = twice(a) ^ twice(b) ^ b ^ c ^ d;
      block[at + 1] = a ^ twice(b) ^ twice(c) ^ c ^ d;
      block[at + 2] = a ^ b ^ twice(c) ^ twice(d) ^ d;
      block[at + 3] = twice(a) ^ a ^ b ^ c ^ twice(d);
    }
  }
  void add_key(Block& block, size_t round) const {
    for (size_t i = 0; i < block.size(); ++i) block[i] ^= keys_[round * key_size + i];
  }

  std::array<uint8_t, (rounds + 1) * key_size> keys_;
};

inline std::unique_ptr<quic::BlockCipher> plain_aes_128(
    std::span<const uint8_t, quic::BlockCipher::key_size> key) {
  return std::make_unique<PlainAes128>(key);
}

}  // namespace sluice::test
