#pragma once

#include <cstdint>
#include <string_view>

#include "base/arena.h"
#include "http/message.h"

namespace sluice {

/// What came of one try of an upstream, for the $upstream_* variables. Times in ms since the try
/// began; -1: it did not come so far.
struct UpstreamTry {
  std::string_view peer;  ///< empty: no try, but the border between two upstreams (after
                          ///< X-Accel-Redirect, error_page …)
  uint16_t status = 0;
  int64_t connect_time = -1;
  int64_t header_time = -1;
  int64_t response_time = -1;
  uint64_t response_length = 0;
  uint64_t bytes_received = 0;
  uint64_t bytes_sent = 0;
  UpstreamTry* next = nullptr;
};

/// All tries of an exchange, in order. Outlives internal redirects.
class UpstreamHistory {
 public:
  UpstreamTry& add(Arena& arena) {
    *end_ = arena.make<UpstreamTry>();
    UpstreamTry& added = **end_;
    end_ = &added.next;
    return added;
  }
  const UpstreamTry* first() const { return first_; }

  /// The head that the last upstream answered with; null: none was.
  const http::ResponseHead* head = nullptr;

 private:
  UpstreamTry* first_ = nullptr;
  UpstreamTry** end_ = &first_;
};

}  // namespace sluice
