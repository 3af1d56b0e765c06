#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>

namespace sluice::quic {

/// AES-128, one block at a time. Its time depends on neither key nor text.
class BlockCipher {
 public:
  using Block = std::array<uint8_t, 16>;
  static constexpr size_t key_size = 16;

  virtual ~BlockCipher() = default;
  virtual void encrypt(Block& block) const = 0;
  virtual void decrypt(Block& block) const = 0;
};

using BlockCipherMaker =
    std::unique_ptr<BlockCipher> (*)(std::span<const uint8_t, BlockCipher::key_size> key);

/// OpenSSL's.
std::unique_ptr<BlockCipher> aes_128(std::span<const uint8_t, BlockCipher::key_size> key);

}  // namespace sluice::quic
