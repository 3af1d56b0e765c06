#pragma once

#include <cstddef>
#include <cstdint>

namespace sluice {

/// The sizes that buffers come in.
enum class BlockSize : uint8_t { k4, k16, k64 };

constexpr size_t bytes_of(BlockSize size) {
  return size_t{4096} << (2 * static_cast<unsigned>(size));
}

/// The smallest block that holds `bytes`; the largest there is when none does.
constexpr BlockSize block_size_for(size_t bytes) {
  return bytes <= 4096 ? BlockSize::k4 : bytes <= 16384 ? BlockSize::k16 : BlockSize::k64;
}

/// This thread's free blocks. Keeps a bounded number of each size and gives the rest back to the
/// system; under AddressSanitizer it keeps none, so that a use after free shows.
namespace block_pool {
/// Never null: a process without memory ends here.
void* take(BlockSize size);
void give_back(void* block, BlockSize size);
}  // namespace block_pool

}  // namespace sluice
