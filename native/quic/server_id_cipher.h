#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "quic/block_cipher.h"

namespace sluice::quic {

/// Hides server ID and nonce, as draft-ietf-quic-load-balancers, 5.4 says: a block of 16 bytes in
/// one pass, any other length in four. Whoever has the key, a load balancer in front for one, reads
/// them again.
class ServerIdCipher {
 public:
  static constexpr size_t min_size = 5;
  static constexpr size_t max_size = 19;

  explicit ServerIdCipher(std::unique_ptr<BlockCipher> aes) : aes_(std::move(aes)) {}

  /// Server ID and nonce, one behind the other, in place: min_size to max_size bytes.
  void encrypt(std::span<uint8_t> text) const;
  void decrypt(std::span<uint8_t> text) const;

 private:
  struct Halves;
  std::unique_ptr<BlockCipher> aes_;
};

}  // namespace sluice::quic
