#pragma once

#include <cstdint>
#include <string_view>

#include "base/string_map.h"
#include "http/message.h"

namespace sluice {

/// A set of field names, asked once per field: bits answer for the names that the message model
/// knows, and rule out most others by their length.
class HeaderNames {
 public:
  /// `name` must live as long as the set.
  void add(std::string_view name) {
    http::HeaderId id = http::header_id(name);
    if (id != http::HeaderId::other) {
      ids_.add(id);
      return;
    }
    lengths_ |= bit(name.size() % 64);
    names_.insert(name, this);
  }

  bool contains(const http::Header& header) const {
    if (header.id != http::HeaderId::other) return ids_.contains(header.id);
    return (lengths_ & bit(header.name.size() % 64)) && names_.find(header.name);
  }

 private:
  static constexpr uint64_t bit(size_t number) { return uint64_t{1} << number; }

  http::HeaderIds ids_;
  uint64_t lengths_ = 0;
  CaselessStringMap<const void> names_;
};

}  // namespace sluice
