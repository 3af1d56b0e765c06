#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

namespace sluice {

/// FNV-1a over the bytes as they are.
struct ExactText {
  static uint32_t hash(std::string_view text) {
    uint32_t hash = 2166136261u;
    for (unsigned char c : text) hash = (hash ^ c) * 16777619u;
    return hash;
  }
  static bool equal(std::string_view a, std::string_view b) { return a == b; }
};

/// The same, without regard to the case of ASCII letters.
struct CaselessText {
  static constexpr unsigned char lower(unsigned char c) {
    return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
  }
  static uint32_t hash(std::string_view text) {
    uint32_t hash = 2166136261u;
    for (unsigned char c : text) hash = (hash ^ lower(c)) * 16777619u;
    return hash;
  }
  static bool equal(std::string_view a, std::string_view b) {
    if (a.size() != b.size()) return false;
    for (size_t i = 0; i < a.size(); ++i) {
      if (lower(a[i]) != lower(b[i])) return false;
    }
    return true;
  }
};

/// A table from text to T*, filled when the configuration is read and only looked at afterwards.
/// Open addressing, at most half full. Keys and values stay the caller's.
template <typename T, typename Text = ExactText>
class StringMap {
 public:
  StringMap() = default;
  /// Room for `count` keys; more make it grow.
  explicit StringMap(size_t count) { grow(std::bit_ceil(count * 2 + 2)); }

  /// False, with nothing changed, when the key is there already. `value` isn't null.
  bool insert(std::string_view key, T* value) {
    if ((size_ + 1) * 2 > capacity_) grow(capacity_ ? capacity_ * 2 : 8);
    uint32_t hash = Text::hash(key);
    Entry& entry = slot_of(key, hash);
    if (entry.value) return false;
    entry = {key, value, hash};
    ++size_;
    return true;
  }

  T* find(std::string_view key) const {
    return size_ ? slot_of(key, Text::hash(key)).value : nullptr;
  }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

 private:
  struct Entry {
    std::string_view key;
    T* value = nullptr;
    uint32_t hash = 0;
  };

  Entry& slot_of(std::string_view key, uint32_t hash) const {
    for (size_t i = hash;; ++i) {
      Entry& entry = entries_[i & (capacity_ - 1)];
      if (!entry.value || (entry.hash == hash && Text::equal(entry.key, key))) return entry;
    }
  }
  void grow(size_t capacity) {
    auto old = std::move(entries_);
    size_t old_capacity = capacity_;
    entries_ = std::make_unique<Entry[]>(capacity);
    capacity_ = capacity;
    for (size_t i = 0; i < old_capacity; ++i) {
      if (old[i].value) slot_of(old[i].key, old[i].hash) = old[i];
    }
  }

  std::unique_ptr<Entry[]> entries_;
  size_t capacity_ = 0;
  size_t size_ = 0;
};

template <typename T>
using CaselessStringMap = StringMap<T, CaselessText>;

}  // namespace sluice
