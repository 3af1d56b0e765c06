#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "http/priority.h"

namespace sluice::h2 {

/// What a client says of its streams in the way of RFC 7540 section 5.3, which RFC 9113 has given
/// up, but older clients have not: which one another one depends on, and with which weight. As in
/// nginx an answer that others depend on goes first, and of those at one depth the weightier.
class DependencyTree {
 public:
  struct Dependency {
    int32_t on = 0;          ///< a stream, which need not have been opened; 0: none
    uint16_t weight = 16;    ///< 1 to 256
    bool exclusive = false;  ///< all others that depend on it depend on this stream from now on
  };

  /// Of a stream, not 0, and another one. Ignored when there are too many already, open or not.
  void set(int32_t stream, const Dependency& dependency);
  /// The stream is closed: what depends on it depends on its parent.
  void remove(int32_t stream);
  /// Its place, on the scale of RFC 9218.
  http::Priority priority_of(int32_t stream) const;

 private:
  static constexpr size_t max_nodes = 128;
  struct Node {
    int32_t stream;
    int32_t parent;
    uint16_t weight;
  };
  Node* find(int32_t stream);
  const Node* find(int32_t stream) const { return const_cast<DependencyTree*>(this)->find(stream); }
  Node* make(int32_t stream);
  bool is_below(int32_t stream, int32_t ancestor) const;

  std::vector<Node> nodes_;  ///< few: searched one by one
};

}  // namespace sluice::h2
