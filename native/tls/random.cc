#include "tls/random.h"

#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <memory>

namespace sluice::tls {

namespace {

struct Pool {
  std::array<unsigned char, 1024> bytes;
  size_t used = sizeof bytes;
};

}  // namespace

bool public_random(std::span<unsigned char> bytes) {
  thread_local std::unique_ptr<Pool> pool = std::make_unique<Pool>();
  if (bytes.size() > pool->bytes.size()) return RAND_bytes(bytes.data(), int(bytes.size())) == 1;
  if (bytes.size() > pool->bytes.size() - pool->used) {
    if (RAND_bytes(pool->bytes.data(), int(pool->bytes.size())) != 1) return false;
    pool->used = 0;
  }
  std::copy_n(pool->bytes.begin() + pool->used, bytes.size(), bytes.begin());
  pool->used += bytes.size();
  return true;
}

}  // namespace sluice::tls
