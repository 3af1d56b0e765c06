#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "http/request_error.h"

namespace sluice::h1 {

/// client_header_buffer_size and large_client_header_buffers, in bytes.
struct HeadLimits {
  uint32_t first = 1024;
  uint32_t large_count = 4;
  uint32_t large_size = 8192;

  /// No head can be longer.
  size_t total() const { return first + size_t{large_count} * large_size; }
};

/// Follows a growing request head line by line and tells whether it would fit nginx's header
/// buffers: lines fill the first buffer; one that does not fit any more moves to a large buffer,
/// whole. So a line is limited by a large buffer's size and a head by all buffers'
/// (https://nginx.org/en/docs/http/ngx_http_core_module.html#large_client_header_buffers).
class HeaderBuffers {
 public:
  explicit HeaderBuffers(const HeadLimits& limits) : limits_(&limits), capacity_(limits.first) {}

  /// `bytes`: the head so far, from its first byte; those seen by earlier calls are not looked at
  /// again. `complete`: they end the head.
  http::RequestError check(std::string_view bytes, bool complete, http::Refusal& why);

 private:
  http::RequestError overflow(std::string_view bytes, http::Refusal& why);

  const HeadLimits* limits_;
  size_t scanned_ = 0;  ///< no line feed is missed before this
  size_t line_ = 0;     ///< where the current line begins
  size_t previous_line_ = 0;
  size_t buffer_ = 0;  ///< offset of the current buffer's first byte
  uint32_t capacity_;
  uint32_t large_used_ = 0;
  uint32_t lines_ = 0;
};

}  // namespace sluice::h1
