#include "modules/multipart_ranges.h"

#include <algorithm>
#include <string>

#include "base/number.h"
#include "proxy/exchange.h"

namespace sluice {

namespace {

using http::Piece;

constexpr unsigned boundary_digits = 20;

/// A number that no two bodies of this thread share, of nginx's width.
uint64_t next_boundary() {
  thread_local uint64_t last = 0;
  return ++last;
}

std::string_view concatenate(Arena& arena, std::initializer_list<std::string_view> texts) {
  size_t size = 0;
  for (std::string_view text : texts) size += text.size();
  std::span<char> all = arena.text(size);
  char* end = all.data();
  for (std::string_view text : texts) end = std::copy(text.begin(), text.end(), end);
  return {all.data(), all.size()};
}

Piece piece_of(std::string_view text) {
  Piece piece;
  piece.bytes = {text.data(), text.size()};
  return piece;
}

}  // namespace

MultipartRanges::MultipartRanges(Exchange& exchange, std::span<const ByteRange> ranges)
    : ranges_(ranges), part_heads_(exchange.arena.array<std::string_view>(ranges.size())) {
  Arena& arena = exchange.arena;
  const http::ResponseHead& response = exchange.response;
  char digits[boundary_digits];
  format_padded(digits, next_boundary(), boundary_digits);
  std::string_view boundary(digits, boundary_digits);

  bool has_type = !response.content_type.empty();
  std::string_view common = concatenate(
      arena, {"\r\n--", boundary, has_type ? "\r\nContent-Type: " : "", response.content_type,
              response.charset.empty() ? "" : "; charset=", response.charset,
              "\r\nContent-Range: bytes "});
  end_ = concatenate(arena, {"\r\n--", boundary, "--\r\n"});
  content_type_ = concatenate(arena, {"multipart/byteranges; boundary=", boundary});

  length_ = end_.size();
  for (size_t i = 0; i < ranges.size(); ++i) {
    part_heads_[i] = range_text(arena, common, ranges[i], *response.content_length, "\r\n\r\n");
    length_ += part_heads_[i].size() + (ranges[i].end - ranges[i].start);
  }
}

Verdict MultipartRanges::write(Exchange& exchange, const Piece& piece) {
  if (piece.size() == 0) return next(exchange, piece);
  bool inside = std::all_of(ranges_.begin(), ranges_.end(),
                            [&](ByteRange range) { return range.end <= piece.size(); });
  if (written_ || !inside) {
    exchange.log(LogLevel::alert, "range in overlapped buffers");
    return Verdict::fail();
  }
  written_ = true;
  for (size_t i = 0; i < ranges_.size(); ++i) {
    Verdict verdict = next(exchange, piece_of(part_heads_[i]));
    if (!verdict.is_ok()) return verdict;
    ByteRange range = ranges_[i];
    verdict = next(exchange, piece_part(piece, range.start, range.end - range.start));
    if (!verdict.is_ok()) return verdict;
  }
  Piece end = piece_of(end_);
  end.last = true;
  return next(exchange, end);
}

}  // namespace sluice
