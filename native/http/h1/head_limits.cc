#include "http/h1/head_limits.h"

#include <algorithm>

namespace sluice::h1 {

namespace {
/// nginx quotes this much of a long line in its log.
constexpr size_t max_quoted = 2048 - 300;
}  // namespace

http::RequestError HeaderBuffers::check(std::string_view bytes, bool complete, http::Refusal& why) {
  while (scanned_ < bytes.size()) {
    size_t feed = bytes.find('\n', scanned_);
    bool whole = feed != std::string_view::npos;
    size_t line_end = whole ? feed + 1 : bytes.size();
    // An unfinished line that fills the buffer to its last byte needs another one.
    size_t needed = line_end + (whole || complete ? 0 : 1);
    while (needed - buffer_ > capacity_) {
      http::RequestError error = overflow(bytes, why);
      if (error != http::RequestError::none) return error;
    }
    scanned_ = line_end;
    if (!whole) break;
    previous_line_ = line_;
    line_ = line_end;
    ++lines_;
  }
  return http::RequestError::none;
}

http::RequestError HeaderBuffers::overflow(std::string_view bytes, http::Refusal& why) {
  using enum http::RequestError;
  size_t buffer_end = buffer_ + capacity_;
  size_t held = buffer_end - line_;
  if (held < limits_->large_size && large_used_ < limits_->large_count) {
    ++large_used_;
    buffer_ = line_;
    capacity_ = limits_->large_size;
    return none;
  }

  size_t from = held > 0 ? line_ : previous_line_;
  why.text = bytes.substr(from, std::min(buffer_end - from, max_quoted));
  if (lines_ == 0) {
    why.error = uri_too_long;
  } else {
    why.error = held == 0 && lines_ == 1 ? head_too_large : header_line_too_long;
  }
  return why.error;
}

}  // namespace sluice::h1
