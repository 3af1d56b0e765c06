#include "http/h2/dependency_tree.h"

#include <algorithm>
#include <bit>

namespace sluice::h2 {

namespace {

/// Three levels of weight for each depth, as far as they go.
constexpr int levels = 3;
constexpr int lowest_urgency = 7;
constexpr int default_magnitude = 4;  // of the weight 16, as a power of two

}  // namespace

DependencyTree::Node* DependencyTree::find(int32_t stream) {
  auto found = std::ranges::find(nodes_, stream, &Node::stream);
  return found == nodes_.end() ? nullptr : &*found;
}

DependencyTree::Node* DependencyTree::make(int32_t stream) {
  if (Node* node = find(stream)) return node;
  if (nodes_.size() == max_nodes) return nullptr;
  return &nodes_.emplace_back(Node{stream, 0, Dependency().weight});
}

bool DependencyTree::is_below(int32_t stream, int32_t ancestor) const {
  for (const Node* node = find(stream); node; node = find(node->parent)) {
    if (node->parent == ancestor) return true;
  }
  return false;
}

void DependencyTree::set(int32_t stream, const Dependency& dependency) {
  int32_t parent = dependency.on;
  if ((parent != 0 && !make(parent)) || !make(stream)) return;
  Node& node = *find(stream);
  // RFC 7540 section 5.3.3: no rings; who is to be its own descendant's child leaves that its
  // place.
  if (is_below(parent, stream)) find(parent)->parent = node.parent;
  if (dependency.exclusive) {
    for (Node& other : nodes_) {
      if (other.parent == parent) other.parent = stream;
    }
  }
  node.parent = parent;
  node.weight = dependency.weight;
}

void DependencyTree::remove(int32_t stream) {
  const Node* node = find(stream);
  if (!node) return;
  for (Node& other : nodes_) {
    if (other.parent == stream) other.parent = node->parent;
  }
  nodes_.erase(nodes_.begin() + (node - nodes_.data()));
}

http::Priority DependencyTree::priority_of(int32_t stream) const {
  int urgency = 0;
  int magnitude = 0;  // of all weights on the way, against the default
  const Node* node = find(stream);
  while (node) {
    magnitude += std::bit_width(node->weight) - 1 - default_magnitude;
    node = find(node->parent);
    if (!node) break;
    urgency += levels;
    if (urgency > lowest_urgency) break;
  }
  urgency += magnitude > 0 ? 0 : magnitude == 0 ? 1 : 2;
  return {.urgency = uint8_t(std::min(urgency, lowest_urgency)), .incremental = true};
}

}  // namespace sluice::h2
