#pragma once

#include <cstddef>

/// Tells AddressSanitizer what of a block is in use. Nothing in other builds.
#if defined(__SANITIZE_ADDRESS__)
#define SLUICE_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SLUICE_ADDRESS_SANITIZER 1
#endif
#endif

#ifdef SLUICE_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#endif

namespace sluice {

#ifdef SLUICE_ADDRESS_SANITIZER
inline constexpr bool address_sanitizer = true;
inline void forbid_access(const void* memory, size_t size) {
  __asan_poison_memory_region(memory, size);
}
inline void allow_access(const void* memory, size_t size) {
  __asan_unpoison_memory_region(memory, size);
}
#else
inline constexpr bool address_sanitizer = false;
inline void forbid_access(const void*, size_t) {}
inline void allow_access(const void*, size_t) {}
#endif

}  // namespace sluice
