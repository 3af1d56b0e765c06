#include "base/block_pool.h"

#include <cstdlib>
#include <new>

#include "base/sanitizer.h"

namespace sluice::block_pool {
namespace {

/// Of each size, in each thread.
constexpr size_t retained_bytes = address_sanitizer ? 0 : 1 << 20;

struct FreeBlock {
  FreeBlock* next;
};

class FreeLists {
 public:
  ~FreeLists() {
    for (List& list : lists_) {
      while (FreeBlock* block = list.pop()) std::free(block);
    }
  }

  void* take(BlockSize size) {
    if (void* block = lists_[static_cast<size_t>(size)].pop()) return block;
    void* block = std::malloc(bytes_of(size));
    if (!block) std::abort();
    return block;
  }

  void give_back(void* block, BlockSize size) {
    List& list = lists_[static_cast<size_t>(size)];
    if ((list.count + 1) * bytes_of(size) > retained_bytes) {
      std::free(block);
    } else {
      list.push(block);
    }
  }

 private:
  struct List {
    FreeBlock* first = nullptr;
    size_t count = 0;

    FreeBlock* pop() {
      FreeBlock* block = first;
      if (block) {
        first = block->next;
        --count;
      }
      return block;
    }
    void push(void* block) {
      first = ::new (block) FreeBlock{first};
      ++count;
    }
  };
  List lists_[3];
};

thread_local FreeLists free_lists;

}  // namespace

void* take(BlockSize size) { return free_lists.take(size); }

void give_back(void* block, BlockSize size) { free_lists.give_back(block, size); }

}  // namespace sluice::block_pool
