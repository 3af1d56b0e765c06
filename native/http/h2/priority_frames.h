#pragma once

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "base/byte_order.h"
#include "http/h2/session.h"

namespace sluice::h2 {

/// Finds the PRIORITY frames (RFC 7540 section 6.3) among those of a client: nghttp2 reads over
/// them.
class PriorityFrames {
 public:
  /// How much of `input` there is up to the end of the next one, or to its own. Call with all that
  /// comes behind the preface, in order.
  size_t next(std::string_view input) {
    found_ = false;
    size_t at = 0;
    while (at < input.size()) {
      if (left_ > 0) {
        size_t skipped = std::min<size_t>(left_, input.size() - at);
        at += skipped;
        left_ -= uint32_t(skipped);
        continue;
      }
      size_t wanted = filled_ < frame_head_size ? frame_head_size : sizeof frame_;
      size_t taken = std::min(wanted - filled_, input.size() - at);
      std::memcpy(frame_ + filled_, input.data() + at, taken);
      at += taken;
      filled_ += uint8_t(taken);
      if (filled_ == sizeof frame_) {
        filled_ = 0;
        found_ = true;
        break;
      }
      if (filled_ == frame_head_size) {
        auto size = uint32_t(big_endian(std::span(frame_).first(3)));
        if (frame_[3] == NGHTTP2_PRIORITY && size == payload_size) continue;
        filled_ = 0;
        left_ = size;
      }
    }
    return at;
  }

  /// Whether the last next() has come to the end of one.
  bool found() const { return found_; }
  int32_t stream() const { return int32_t(number_at(5)); }
  nghttp2_priority_spec dependency() const {
    return {.stream_id = int32_t(number_at(frame_head_size)),
            .weight = frame_[frame_head_size + 4] + 1,
            .exclusive = uint8_t(frame_[frame_head_size] >> 7)};
  }

 private:
  static constexpr size_t payload_size = 5;
  uint32_t number_at(size_t at) const {
    return uint32_t(big_endian(std::span(frame_).subspan(at, 4))) & 0x7fffffff;
  }

  uint8_t frame_[frame_head_size + payload_size] = {};  ///< as far as it has come
  uint8_t filled_ = 0;
  bool found_ = false;
  uint32_t left_ = 0;  ///< of a payload that is passed over
};

}  // namespace sluice::h2
