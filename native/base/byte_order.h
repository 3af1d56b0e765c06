#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

namespace sluice {

/// Numbers as they go over the wire.
inline uint64_t load_be64(const void* from) {
  static_assert(std::endian::native == std::endian::little);
  uint64_t value;
  std::memcpy(&value, from, sizeof value);
  return __builtin_bswap64(value);
}

inline void store_be64(void* to, uint64_t value) {
  value = __builtin_bswap64(value);
  std::memcpy(to, &value, sizeof value);
}

}  // namespace sluice
