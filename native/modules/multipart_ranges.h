#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "modules/byte_ranges.h"
#include "proxy/body_filter.h"

namespace sluice {

/// Makes a body into multipart/byteranges (RFC 9110, 14.6). The ranges must lie in the body's first
/// piece: files and cached bodies come in one.
class MultipartRanges : public BodyFilter {
 public:
  /// Describes the parts by the response's type and length as they are now.
  MultipartRanges(Exchange& exchange, std::span<const ByteRange> ranges);

  std::string_view content_type() const { return content_type_; }
  /// Of the whole body, delimiters included.
  uint64_t length() const { return length_; }

  Verdict write(Exchange& exchange, const http::Piece& piece) override;

 private:
  std::span<const ByteRange> ranges_;
  std::span<std::string_view> part_heads_;  ///< delimiter and fields of each part
  std::string_view end_;                    ///< the closing delimiter
  std::string_view content_type_;
  uint64_t length_ = 0;
  bool written_ = false;
};

}  // namespace sluice
