#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

namespace sluice {

/// Numbers as they go over the wire: the most significant byte first.
inline uint64_t load_be64(const void* from) {
  static_assert(std::endian::native == std::endian::little);
  uint64_t value;
  std::memcpy(&value, from, sizeof value);
  return __builtin_bswap64(value);
}

inline void store_be32(void* to, uint32_t value) {
  value = __builtin_bswap32(value);
  std::memcpy(to, &value, sizeof value);
}

inline void store_be64(void* to, uint64_t value) {
  value = __builtin_bswap64(value);
  std::memcpy(to, &value, sizeof value);
}

/// A number of as many bytes as there are, eight at most.
template <class Bytes>
constexpr uint64_t big_endian(const Bytes& bytes) {
  uint64_t number = 0;
  for (auto byte : bytes) number = number << 8 | uint8_t(byte);
  return number;
}

}  // namespace sluice
