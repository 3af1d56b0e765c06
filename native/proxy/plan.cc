#include "proxy/plan.h"

#include <cstdio>

namespace sluice::plan {

namespace {
const Node null_node{};
constexpr int max_depth =
    512;  // nested locations and ifs; the encoder is ours, the bound is for corrupt input
}  // namespace

const Node& Node::operator[](std::string_view key) const {
  if (type_ != Type::map) return null_node;
  for (size_t i = 0; i < size_; ++i) {
    if (items_[2 * i].text() == key) return items_[2 * i + 1];
  }
  return null_node;
}

const Node& Node::at(size_t position) const {
  return is_array() && position < size_ ? items_[position] : null_node;
}

class Document::Decoder {
 public:
  Decoder(Document& document, std::span<const char> bytes) : document_(document), bytes_(bytes) {}

  bool item(Node& node, int depth) {
    uint64_t argument;
    uint8_t first;
    --promised_;
    if (depth > max_depth || !head(first, argument)) return false;
    switch (first >> 5) {
      case 0:
      case 1:
        if (argument > INT64_MAX) return false;
        node.type_ = Node::Type::integer;
        node.integer_ = first >> 5 == 0 ? int64_t(argument) : -1 - int64_t(argument);
        return true;
      case 2:
      case 3:
        if (argument > bytes_.size() - position_) return false;
        node.type_ = first >> 5 == 2 ? Node::Type::bytes : Node::Type::text;
        node.text_ = bytes_.data() + position_;
        node.size_ = argument;
        position_ += argument;
        return true;
      case 4:
        return items(node, Node::Type::array, argument, argument, depth);
      case 5:
        return argument <= UINT64_MAX / 2 &&
               items(node, Node::Type::map, argument, argument * 2, depth);
      case 7:
        if (argument != 20 && argument != 21 && argument != 22) return false;
        node.type_ = argument == 22 ? Node::Type::null : Node::Type::boolean;
        node.integer_ = argument == 21;
        return true;
      default:
        return false;
    }
  }

  bool at_end() const { return position_ == bytes_.size(); }
  size_t position() const { return position_; }

 private:
  // RFC 8949 section 3: the initial byte and its argument.
  bool head(uint8_t& first, uint64_t& argument) {
    if (at_end()) return false;
    first = uint8_t(bytes_[position_++]);
    uint8_t info = first & 0x1f;
    argument = info;
    if (info < 24) return true;
    if (info > 27) return false;
    size_t width = size_t(1) << (info - 24);
    if (width > bytes_.size() - position_) return false;
    argument = 0;
    for (size_t i = 0; i < width; ++i) argument = argument << 8 | uint8_t(bytes_[position_++]);
    return true;
  }

  bool items(Node& node, Node::Type type, uint64_t size, uint64_t count, int depth) {
    // Each item takes a byte at least: when more are promised than are left, the bytes are corrupt,
    // and not worth the memory.
    size_t left = bytes_.size() - position_;
    if (promised_ > left || count > left - promised_) return false;
    promised_ += count;
    auto array = std::make_unique<Node[]>(count);
    node.type_ = type;
    node.size_ = size;
    node.items_ = array.get();
    Node* nodes = array.get();
    document_.arrays_.push_back(std::move(array));
    for (uint64_t i = 0; i < count; ++i) {
      if (!item(nodes[i], depth + 1)) return false;
    }
    return true;
  }

  Document& document_;
  std::span<const char> bytes_;
  size_t position_ = 0;
  uint64_t promised_ = 1;  ///< items of the arrays and maps begun that are still to come
};

std::unique_ptr<Document> Document::decode(std::span<const char> bytes, std::string& error) {
  auto document = std::make_unique<Document>();
  auto root = std::make_unique<Node[]>(1);
  Decoder decoder(*document, bytes);
  if (!decoder.item(root[0], 0) || !decoder.at_end()) {
    error = "malformed Plan at byte " + std::to_string(decoder.position());
    return nullptr;
  }
  document->root_ = root.get();
  document->arrays_.push_back(std::move(root));
  return document;
}

}  // namespace sluice::plan
