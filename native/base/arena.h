#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

#include "base/sanitizer.h"

namespace sluice {

/// Memory of one request: taken piece by piece, given back all at once. Holds nothing until the
/// first piece.
class Arena {
 public:
  Arena() = default;
  Arena(Arena&& other) noexcept { swap(other); }
  Arena& operator=(Arena&& other) noexcept {
    swap(other);
    return *this;
  }
  ~Arena() { reset(); }

  /// Uninitialised memory; never null unless `size` is 0. `align` is a power of two, at most 16.
  void* allocate(size_t size, size_t align = alignof(std::max_align_t)) {
    uintptr_t at = (cursor_ + align - 1) & ~(align - 1);
    if (at > end_ || size > end_ - at) [[unlikely]] {
      return allocate_apart(size, align);
    }
    cursor_ = at + size;
    allow_access(reinterpret_cast<void*>(at), size);
    return reinterpret_cast<void*>(at);
  }

  std::span<char> text(size_t size) { return {static_cast<char*>(allocate(size, 1)), size}; }

  std::string_view copy(std::string_view text) {
    if (text.empty()) return {};
    void* to = allocate(text.size(), 1);
    std::memcpy(to, text.data(), text.size());
    return {static_cast<char*>(to), text.size()};
  }

  template <typename T>
  std::span<T> array(size_t count) {
    static_assert(std::is_trivially_destructible_v<T>);
    T* items = static_cast<T*>(allocate(count * sizeof(T), alignof(T)));
    for (size_t i = 0; i < count; ++i) ::new (items + i) T();
    return {items, count};
  }

  /// An object that lives as long as the arena; its destructor, where it has one, runs when the
  /// arena lets go.
  template <typename T, typename... Args>
  T* make(Args&&... args) {
    T* object = ::new (allocate(sizeof(T), alignof(T))) T(std::forward<Args>(args)...);
    if constexpr (!std::is_trivially_destructible_v<T>) {
      on_release([](void* context) { static_cast<T*>(context)->~T(); }, object);
    }
    return object;
  }

  /// Gives back the unused end of `text`, which must be the last piece taken; otherwise it merely
  /// shortens the view.
  std::string_view trim(std::span<char> text, size_t used) {
    uintptr_t end = reinterpret_cast<uintptr_t>(text.data()) + text.size();
    if (end == cursor_) cursor_ = end - (text.size() - used);
    return {text.data(), used};
  }

  /// Calls `action(context)` when the arena is reset or destroyed; the last one registered comes
  /// first.
  void on_release(void (*action)(void*), void* context);

  /// Runs the release actions and gives all memory back.
  void reset();

 private:
  struct Chunk;
  struct Release;

  void swap(Arena& other) {
    std::swap(cursor_, other.cursor_);
    std::swap(end_, other.end_);
    std::swap(chunks_, other.chunks_);
    std::swap(releases_, other.releases_);
  }
  void* allocate_apart(size_t size, size_t align);

  uintptr_t cursor_ = 0;
  uintptr_t end_ = 0;
  Chunk* chunks_ = nullptr;
  Release* releases_ = nullptr;
};

}  // namespace sluice
