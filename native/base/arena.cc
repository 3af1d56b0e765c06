#include "base/arena.h"

#include <cstdlib>

#include "base/block_pool.h"

namespace sluice {

/// Heads a block from the pool, or a piece too big for one.
struct alignas(16) Arena::Chunk {
  Chunk* next;
  size_t size;
  bool pooled;

  char* memory() { return reinterpret_cast<char*>(this + 1); }
};

struct Arena::Release {
  Release* next;
  void (*action)(void*);
  void* context;
};

namespace {

constexpr BlockSize block_size = BlockSize::k4;
/// A bigger piece lies apart, so that it doesn't waste the rest of a block.
constexpr size_t max_piece = bytes_of(block_size) / 4;

}  // namespace

void* Arena::allocate_apart(size_t size, size_t align) {
  if (size == 0) return nullptr;
  bool pooled = size <= max_piece;
  size_t room = pooled ? bytes_of(block_size) - sizeof(Chunk) : size;
  void* memory = pooled                             ? block_pool::take(block_size)
                 : room <= SIZE_MAX - sizeof(Chunk) ? std::malloc(sizeof(Chunk) + room)
                                                    : nullptr;
  if (!memory) std::abort();
  chunks_ = ::new (memory) Chunk{chunks_, room, pooled};
  if (!pooled) return chunks_->memory();

  cursor_ = reinterpret_cast<uintptr_t>(chunks_->memory());
  end_ = cursor_ + room;
  forbid_access(chunks_->memory(), room);
  return allocate(size, align);
}

void Arena::on_release(void (*action)(void*), void* context) {
  releases_ =
      ::new (allocate(sizeof(Release), alignof(Release))) Release{releases_, action, context};
}

void Arena::reset() {
  while (Release* release = releases_) {
    releases_ = release->next;
    release->action(release->context);
  }
  while (Chunk* chunk = chunks_) {
    chunks_ = chunk->next;
    allow_access(chunk->memory(), chunk->size);
    if (chunk->pooled) {
      block_pool::give_back(chunk, block_size);
    } else {
      std::free(chunk);
    }
  }
  cursor_ = end_ = 0;
}

}  // namespace sluice
