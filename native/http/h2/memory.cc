#include "http/h2/memory.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

#include "base/sanitizer.h"

namespace sluice::h2 {
namespace {

constexpr size_t step = 64;
constexpr size_t classes = 16;  ///< 64, 128 … 1024 bytes, the head included
/// Of each class; under AddressSanitizer none, so that a use after free shows.
constexpr uint32_t retained = address_sanitizer ? 0 : 1024;

/// What free() must know of a piece, in front of it.
struct alignas(16) Head {
  uint32_t size_class;  ///< `classes`: not one of ours
  uint32_t size;        ///< without the head
};

struct Free {
  Free* next;
};

class Pool {
 public:
  void* allocate(size_t size) {
    size_t whole = size + sizeof(Head);
    size_t index = (whole - 1) / step;
    void* memory = nullptr;
    if (index < classes) {
      List& list = lists_[index];
      if (list.first) {
        memory = list.first;
        list.first = list.first->next;
        --list.count;
      } else {
        memory = std::malloc((index + 1) * step);
      }
    } else {
      index = classes;
      memory = std::malloc(whole);
    }
    if (!memory) std::abort();
    return ::new (memory) Head{uint32_t(index), uint32_t(size)} + 1;
  }

  void free(void* piece) {
    if (!piece) return;
    Head* head = static_cast<Head*>(piece) - 1;
    size_t index = head->size_class;
    if (index < classes && lists_[index].count < retained) {
      List& list = lists_[index];
      list.first = ::new (static_cast<void*>(head)) Free{list.first};
      ++list.count;
    } else {
      std::free(head);
    }
  }

  void* reallocate(void* piece, size_t size) {
    if (!piece) return allocate(size);
    size_t before = (static_cast<Head*>(piece) - 1)->size;
    void* larger = allocate(size);
    std::memcpy(larger, piece, before < size ? before : size);
    free(piece);
    return larger;
  }

 private:
  struct List {
    Free* first = nullptr;
    uint32_t count = 0;
  };
  std::array<List, classes> lists_;
};

Pool& pool_of(void* user) { return *static_cast<Pool*>(user); }

}  // namespace

nghttp2_mem& memory() {
  // Never given back: sessions may end with the process, behind their thread.
  thread_local Pool* const pool = std::make_unique<Pool>().release();
  thread_local nghttp2_mem made = {
      .mem_user_data = pool,
      .malloc = [](size_t size, void* user) { return pool_of(user).allocate(size); },
      .free = [](void* piece, void* user) { pool_of(user).free(piece); },
      .calloc =
          [](size_t count, size_t size, void* user) {
            void* piece = pool_of(user).allocate(count * size);
            return std::memset(piece, 0, count * size);
          },
      .realloc = [](void* piece, size_t size,
                    void* user) { return pool_of(user).reallocate(piece, size); },
  };
  return made;
}

}  // namespace sluice::h2
