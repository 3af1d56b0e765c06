#pragma once

#include <bit>
#include <cstdint>
#include <span>

namespace sluice::quic {

struct HalfSipKey {
  uint32_t first = 0, second = 0;

  /// Eight bytes.
  static constexpr HalfSipKey from(std::span<const uint8_t> bytes) {
    HalfSipKey key;
    for (size_t i = 0; i < 4 && bytes.size() == 8; ++i) {
      key.first |= uint32_t{bytes[i]} << (8 * i);
      key.second |= uint32_t{bytes[i + 4]} << (8 * i);
    }
    return key;
  }
};

/// HalfSipHash-2-4 of Aumasson and Bernstein: 32 bits that nobody foretells without the key. All of
/// its steps are additions, rotations and exclusive-ors of 32 bits, so that packet filters in the
/// kernel can compute it (steering_program.h).
struct HalfSipState {
  static constexpr int rounds_per_word = 2;
  static constexpr int final_rounds = 4;

  explicit constexpr HalfSipState(HalfSipKey key)
      : v0(key.first), v1(key.second), v2(0x6c796765 ^ key.first), v3(0x74656462 ^ key.second) {}

  constexpr void round() {
    v0 += v1, v1 = std::rotl(v1, 5) ^ v0, v0 = std::rotl(v0, 16);
    v2 += v3, v3 = std::rotl(v3, 8) ^ v2;
    v0 += v3, v3 = std::rotl(v3, 7) ^ v0;
    v2 += v1, v1 = std::rotl(v1, 13) ^ v2, v2 = std::rotl(v2, 16);
  }
  constexpr void take(uint32_t word) {
    v3 ^= word;
    for (int i = 0; i < rounds_per_word; ++i) round();
    v0 ^= word;
  }
  constexpr uint32_t finish() {
    v2 ^= 0xff;
    for (int i = 0; i < final_rounds; ++i) round();
    return v1 ^ v3;
  }

  uint32_t v0, v1, v2, v3;
};

constexpr uint32_t half_sip_hash(HalfSipKey key, std::span<const uint8_t> bytes) {
  HalfSipState state(key);
  uint32_t word = 0;
  for (size_t i = 0; i < bytes.size(); ++i) {
    word |= uint32_t{bytes[i]} << (i % 4 * 8);
    if (i % 4 != 3) continue;
    state.take(word);
    word = 0;
  }
  state.take(word | uint32_t(bytes.size()) << 24);
  return state.finish();
}

}  // namespace sluice::quic
