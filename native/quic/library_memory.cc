#include "quic/library_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <vector>

#include "base/sanitizer.h"

namespace sluice::quic {
namespace {

constexpr size_t page = 4096;
/// Blocks of this size and above have pages of their own; of more than the most, malloc() does it.
constexpr size_t least_pages = 2;
constexpr size_t most_pages = 3;
/// Blocks for this many are reserved at once.
constexpr size_t reserved_blocks = 128;
/// Of free blocks so many keep what they have touched.
constexpr size_t retained_blocks = 1024;

/// Free blocks of one size. Their addresses are never given back, the memory behind them is.
class PageBlocks {
 public:
  void* take(size_t pages) {
    if (free_.empty() && !reserve(pages)) return nullptr;
    void* block = free_.back();
    free_.pop_back();
    return block;
  }
  void give_back(void* block, size_t pages) {
    if (free_.size() >= retained_blocks) ::madvise(block, pages * page, MADV_DONTNEED);
    free_.push_back(block);
  }

 private:
  bool reserve(size_t pages) {
    size_t size = reserved_blocks * pages * page;
    void* area = ::mmap(nullptr, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (area == MAP_FAILED) return false;
    ::madvise(area, size, MADV_NOHUGEPAGE);
    auto* bytes = static_cast<uint8_t*>(area);
    for (size_t i = reserved_blocks; i-- > 0;) free_.push_back(bytes + i * pages * page);
    return true;
  }

  std::vector<void*> free_;  ///< the last one is next
};

/// Before every allocation.
struct alignas(16) Head {
  uint32_t size;   ///< of what follows
  uint32_t pages;  ///< 0: it is malloc()'s
};

PageBlocks& blocks_of(size_t pages) {
  static thread_local std::array<PageBlocks, most_pages - least_pages + 1> blocks;
  return blocks[pages - least_pages];
}

void* allocate(size_t size, void*) {
  size_t whole = size + sizeof(Head);
  size_t pages = (whole + page - 1) / page;
  bool own = pages >= least_pages && pages <= most_pages && !address_sanitizer;
  void* memory = own ? blocks_of(pages).take(pages) : std::malloc(whole);
  if (!memory) return nullptr;
  return ::new (memory) Head{uint32_t(size), own ? uint32_t(pages) : 0} + 1;
}

void release(void* memory, void*) {
  if (!memory) return;
  Head* head = static_cast<Head*>(memory) - 1;
  if (head->pages == 0) {
    std::free(head);
  } else {
    blocks_of(head->pages).give_back(head, head->pages);
  }
}

void* allocate_zeroed(size_t count, size_t size, void*) {
  void* memory = allocate(count * size, nullptr);
  if (memory) std::memset(memory, 0, count * size);
  return memory;
}

void* reallocate(void* memory, size_t size, void*) {
  void* grown = allocate(size, nullptr);
  if (!grown || !memory) return grown;
  size_t old_size = (static_cast<Head*>(memory) - 1)->size;
  std::memcpy(grown, memory, std::min(old_size, size));
  release(memory, nullptr);
  return grown;
}

}  // namespace

const ngtcp2_mem& library_memory() {
  static const ngtcp2_mem memory = {nullptr, allocate, release, allocate_zeroed, reallocate};
  return memory;
}

}  // namespace sluice::quic
