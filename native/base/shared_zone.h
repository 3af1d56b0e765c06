#pragma once

#include <pthread.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "base/file.h"

namespace sluice {

/// Where an object lies in a zone: its distance from the zone's start, which is the same in every
/// process. 0 is null.
template <typename T>
struct Offset {
  uint64_t value = 0;
  explicit operator bool() const { return value != 0; }
  bool operator==(const Offset&) const = default;
};

/// Named memory that workers share (`zone`, `limit_req_zone`, `keys_zone`): a memfd, mapped
/// wherever each process likes. Allocation is by size classes of powers of two, from free lists,
/// then from what was never used. All but address arithmetic needs the lock; the lock outlives the
/// death of its holder.
class SharedZone {
 public:
  /// Maps the zone behind `memory`, whose size is the zone's. The first to map it lays it out.
  /// Nothing when the file is too small, can't be mapped, or holds something else.
  static std::optional<SharedZone> map(const Descriptor& memory);
  /// A memfd of that size (at least min_size), for map(). An invalid descriptor with errno set on
  /// failure.
  static Descriptor create(const char* name, size_t size);
  static constexpr size_t min_size = 8192;
  /// The largest piece that allocate() gives, 2^max_class bytes.
  static constexpr int min_class = 4, max_class = 30;

  SharedZone(SharedZone&& other) noexcept
      : header_(std::exchange(other.header_, nullptr)), size_(other.size_) {}
  SharedZone& operator=(SharedZone&& other) noexcept {
    std::swap(header_, other.header_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~SharedZone();

  /// Holds the zone's mutex.
  class Lock {
   public:
    explicit Lock(SharedZone& zone);
    ~Lock();
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;
    /// The previous holder died inside: what it was changing may be half done. Repair or clear the
    /// user's structures.
    bool owner_died() const { return owner_died_; }

   private:
    SharedZone& zone_;
    bool owner_died_ = false;
  };

  /// Zeroed memory, aligned to 16 bytes; 0 when the zone is full. The lock is held.
  uint64_t allocate(size_t size);
  /// Gives back what allocate(size) gave. The lock is held.
  void free(uint64_t offset, size_t size);

  /// All that was never given out, zeroed, in one piece of `size` bytes for a user that divides it
  /// itself; 0 when there is none. The lock is held.
  uint64_t take_rest(size_t& size);

  template <typename T>
  Offset<T> make() {
    Offset<T> offset{allocate(sizeof(T))};
    if (offset) ::new (at(offset)) T();
    return offset;
  }
  template <typename T>
  void free(Offset<T> offset) {
    free(offset.value, sizeof(T));
  }

  /// The object's address in this process. An offset outside the zone is null.
  template <typename T>
  T* at(Offset<T> offset) const {
    return static_cast<T*>(address(offset.value, sizeof(T)));
  }
  void* address(uint64_t offset, size_t size) const;
  template <typename T>
  Offset<T> offset_of(const T* object) const {
    return {static_cast<uint64_t>(reinterpret_cast<const char*>(object) - base())};
  }

  /// Where the user of the zone finds its structures again after mapping; 0 until set. The lock is
  /// held.
  uint64_t root() const;
  void set_root(uint64_t offset);

  size_t size() const { return size_; }
  /// Bytes that could still be given out, if they lay together.
  size_t free_bytes() const;

 private:
  struct Header;

  SharedZone(Header* header, size_t size) : header_(header), size_(size) {}
  char* base() const { return reinterpret_cast<char*>(header_); }
  uint64_t take_free(int piece_class);
  uint64_t take_untouched(int piece_class);
  uint64_t split_larger(int piece_class);
  void add_free(uint64_t offset, int piece_class);

  Header* header_;
  size_t size_;
};

}  // namespace sluice
