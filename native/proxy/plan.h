#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Reads the Plan (src/proxy/plan): CBOR, RFC 8949, definite lengths, text keys.
namespace sluice::plan {

/// A decoded item. Strings are views of the encoded bytes, which outlive the data thread (a
/// read-only mapping shared by all workers).
class Node {
 public:
  enum class Type : uint8_t { null, boolean, integer, text, bytes, array, map };

  Type type() const { return type_; }
  bool is_text() const { return type_ == Type::text; }
  bool is_integer() const { return type_ == Type::integer; }
  bool is_array() const { return type_ == Type::array; }
  explicit operator bool() const { return type_ != Type::null; }

  /// A map's member; a null node when it is absent, so that chains need no checks.
  const Node& operator[](std::string_view key) const;
  /// An array's item; a null node beyond the end.
  const Node& at(size_t position) const;
  /// Items of an array; for a map, keys and values in turn.
  std::span<const Node> items() const {
    return {items_, type_ == Type::map ? size_ * 2 : is_array() ? size_ : 0};
  }
  size_t size() const { return size_; }

  std::string_view text(std::string_view fallback = {}) const {
    return type_ == Type::text || type_ == Type::bytes ? std::string_view(text_, size_) : fallback;
  }
  int64_t integer(int64_t fallback = 0) const { return is_integer() ? integer_ : fallback; }
  bool boolean(bool fallback = false) const {
    return type_ == Type::boolean ? integer_ != 0 : fallback;
  }

 private:
  friend class Document;
  Type type_ = Type::null;
  size_t size_ = 0;
  union {
    int64_t integer_ = 0;
    const char* text_;
    const Node* items_;
  };
};

/// Owns the decoded tree; needed only while the runtime is being built from it.
class Document {
 public:
  /// Null when the bytes are not one well-formed item; `error` then says where.
  static std::unique_ptr<Document> decode(std::span<const char> bytes, std::string& error);
  const Node& root() const { return *root_; }

 private:
  class Decoder;
  const Node* root_ = nullptr;
  std::vector<std::unique_ptr<Node[]>> arrays_;
};

}  // namespace sluice::plan
