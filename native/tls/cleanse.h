#pragma once

#include <string.h>

#include <cstddef>

namespace sluice::tls {

/// Leaves nothing of a secret, as OPENSSL_cleanse() would; that goes by eight bytes at a time,
/// which takes as long as a digest of what is to be forgotten.
inline void cleanse(void* secret, size_t size) { ::explicit_bzero(secret, size); }

template <typename Secret>
void cleanse(Secret& secret) {
  cleanse(&secret, sizeof secret);
}

}  // namespace sluice::tls
