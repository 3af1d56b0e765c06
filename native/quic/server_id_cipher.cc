#include "quic/server_id_cipher.h"

#include <algorithm>

namespace sluice::quic {

/// Of an odd number of bytes the one in the middle is shared: its upper bits are the left half's,
/// its lower ones the right half's, and the other's are zero in each.
struct ServerIdCipher::Halves {
  static constexpr size_t max_half = (max_size + 1) / 2;
  using Half = std::array<uint8_t, max_half>;

  explicit Halves(std::span<const uint8_t> text)
      : size(uint8_t(text.size())), half((text.size() + 1) / 2) {
    std::copy_n(text.begin(), half, left.begin());
    std::copy_n(text.end() - long(half), half, right.begin());
    clear_foreign_bits();
  }

  void join(std::span<uint8_t> text) const {
    std::copy_n(left.begin(), half, text.begin());
    uint8_t middle = size % 2 ? left[half - 1] : 0;
    std::copy_n(right.begin(), half, text.end() - long(half));
    text[size - half] |= middle;
  }

  /// Changes one half by what the other one encrypts to.
  void pass(const BlockCipher& aes, uint8_t number, const Half& by, Half& changed) {
    BlockCipher::Block block{};
    std::copy_n(by.begin(), half, block.begin());
    block[14] = size;
    block[15] = number;
    aes.encrypt(block);
    for (size_t i = 0; i < half; ++i) changed[i] ^= block[i];
    clear_foreign_bits();
  }

  void clear_foreign_bits() {
    if (size % 2 == 0) return;
    left[half - 1] &= 0xf0;
    right[0] &= 0x0f;
  }

  uint8_t size;
  size_t half;
  Half left{};
  Half right{};
};

namespace {

BlockCipher::Block block_of(std::span<const uint8_t> text) {
  BlockCipher::Block block;
  std::ranges::copy(text, block.begin());
  return block;
}

}  // namespace

void ServerIdCipher::encrypt(std::span<uint8_t> text) const {
  if (text.size() == std::tuple_size_v<BlockCipher::Block>) {
    BlockCipher::Block block = block_of(text);
    aes_->encrypt(block);
    std::ranges::copy(block, text.begin());
    return;
  }
  Halves halves(text);
  halves.pass(*aes_, 1, halves.left, halves.right);
  halves.pass(*aes_, 2, halves.right, halves.left);
  halves.pass(*aes_, 3, halves.left, halves.right);
  halves.pass(*aes_, 4, halves.right, halves.left);
  halves.join(text);
}

// All four passes always: how long it takes tells nothing.
void ServerIdCipher::decrypt(std::span<uint8_t> text) const {
  if (text.size() == std::tuple_size_v<BlockCipher::Block>) {
    BlockCipher::Block block = block_of(text);
    aes_->decrypt(block);
    std::ranges::copy(block, text.begin());
    return;
  }
  Halves halves(text);
  halves.pass(*aes_, 4, halves.right, halves.left);
  halves.pass(*aes_, 3, halves.left, halves.right);
  halves.pass(*aes_, 2, halves.right, halves.left);
  halves.pass(*aes_, 1, halves.left, halves.right);
  halves.join(text);
}

}  // namespace sluice::quic
