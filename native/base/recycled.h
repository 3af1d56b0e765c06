#pragma once

#include <cstddef>
#include <new>

#include "base/sanitizer.h"

namespace sluice {

/// For objects that come and go with every request: `class Segment : public Recycled<Segment>`.
/// Their memory is kept for the next one on this thread; under AddressSanitizer it is not, so that
/// a use after free shows.
template <class T>
class Recycled {
 public:
  static void* operator new(size_t size) {
    if (size != sizeof(T) || !free_.first) return ::operator new(size);
    --free_.count;
    void* memory = free_.first;
    free_.first = free_.first->next;
    return memory;
  }
  static void* operator new(size_t, void* place) { return place; }

  static void operator delete(void* memory, size_t size) {
    if (size != sizeof(T) || free_.count >= retained) {
      ::operator delete(memory, size);
      return;
    }
    free_.first = ::new (memory) Free{free_.first};
    ++free_.count;
  }

 private:
  static constexpr size_t retained = address_sanitizer ? 0 : 256;

  struct Free {
    Free* next;
  };
  /// Not given back at the thread's end, which is the process's.
  struct FreeList {
    Free* first = nullptr;
    size_t count = 0;
  };
  static inline thread_local FreeList free_;
};

}  // namespace sluice
