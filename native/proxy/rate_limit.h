#pragma once

#include <cstdint>
#include <vector>

#include "base/timer.h"
#include "http/downstream.h"

namespace sluice {

class Exchange;

/// limit_rate: lets a response out at so many bytes a second, the first `after` of them at
/// once (https://nginx.org/en/docs/http/ngx_http_core_module.html#limit_rate). What has to wait is
/// bounded by Exchange::blocked(), which is true while something waits.
class RateLimit {
 public:
  RateLimit(Exchange& exchange, uint64_t rate, uint64_t after);

  void write(const http::Piece& piece);
  bool waiting() const { return !waiting_.empty(); }

 private:
  uint64_t allowance() const;
  void hold(http::Piece piece);
  void release();

  Exchange& exchange_;
  uint64_t rate_;
  uint64_t after_;
  std::vector<http::Piece> waiting_;
  Timer timer_;
};

}  // namespace sluice
