#include "modules/byte_ranges.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "base/number.h"

namespace sluice {

namespace {

/// Walks through a Range field.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}

  /// NUL at the end.
  char peek() const { return text_.empty() ? '\0' : text_.front(); }
  bool take(char c) {
    if (peek() != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  void skip_spaces() {
    while (take(' ')) {
    }
  }
  bool at_separator() const { return text_.empty() || text_.front() == ','; }

  std::optional<uint64_t> number() {
    size_t digits = std::min(text_.find_first_not_of("0123456789"), text_.size());
    std::optional<uint64_t> value = parse_decimal(text_.substr(0, digits));
    if (!value || *value > INT64_MAX) return std::nullopt;
    text_.remove_prefix(digits);
    return value;
  }

 private:
  std::string_view text_;
};

/// One range-spec, cut to the body; nothing: it isn't one.
std::optional<ByteRange> parse_range(Cursor& cursor, uint64_t length) {
  cursor.skip_spaces();
  if (cursor.take('-')) {
    std::optional<uint64_t> suffix = cursor.number();
    cursor.skip_spaces();
    if (!suffix || !cursor.at_separator()) return std::nullopt;
    return ByteRange{*suffix < length ? length - *suffix : 0, length};
  }
  std::optional<uint64_t> start = cursor.number();
  if (!start) return std::nullopt;
  cursor.skip_spaces();
  if (!cursor.take('-')) return std::nullopt;
  cursor.skip_spaces();
  if (cursor.at_separator()) return ByteRange{*start, length};
  std::optional<uint64_t> last = cursor.number();
  cursor.skip_spaces();
  if (!last || !cursor.at_separator()) return std::nullopt;
  return ByteRange{*start, *last >= length ? length : *last + 1};
}

char* append(char* out, std::string_view text) { return std::copy(text.begin(), text.end(), out); }

}  // namespace

RangeSet parse_ranges(std::string_view text, uint64_t length, uint32_t max_ranges, Arena& arena) {
  using Outcome = RangeSet::Outcome;
  size_t most = size_t(std::count(text.begin(), text.end(), ',')) + 1;
  std::span<ByteRange> ranges = arena.array<ByteRange>(std::min<size_t>(most, max_ranges));
  size_t count = 0;
  uint64_t size = 0;
  Cursor cursor(text);
  do {
    std::optional<ByteRange> range = parse_range(cursor, length);
    if (!range) return {Outcome::unsatisfiable, {}};
    if (range->start < range->end) {
      if (count == max_ranges) return {Outcome::whole, {}};
      ranges[count++] = *range;
      size += range->end - range->start;
      if (size > INT64_MAX) return {Outcome::unsatisfiable, {}};
    } else if (range->start == 0) {
      return {Outcome::whole, {}};
    }
  } while (cursor.take(','));

  if (count == 0) return {Outcome::unsatisfiable, {}};
  ranges = ranges.first(count);
  if (count > 1) {
    // More than the whole costs more than it: overlapping ranges would make a small request a large
    // answer.
    if (size > length) return {Outcome::whole, {}};
    // The heads of parts count too, unless the operator has said how many there may be.
    if (max_ranges == any_number_of_ranges && size + count * 256 > length + 4096) {
      return {Outcome::whole, {}};
    }
  }
  return {Outcome::ranges, ranges};
}

std::string_view range_text(Arena& arena, std::string_view prefix, ByteRange range, uint64_t length,
                            std::string_view suffix) {
  std::span<char> text = arena.text(prefix.size() + 3 * max_decimal_size + 2 + suffix.size());
  char* end = append(text.data(), prefix);
  end = format_decimal(end, range.start);
  *end++ = '-';
  end = format_decimal(end, range.end - 1);
  *end++ = '/';
  end = append(format_decimal(end, length), suffix);
  return arena.trim(text, size_t(end - text.data()));
}

std::string_view unsatisfied_range_text(Arena& arena, uint64_t length) {
  constexpr std::string_view prefix = "bytes */";
  std::span<char> text = arena.text(prefix.size() + max_decimal_size);
  char* end = format_decimal(append(text.data(), prefix), length);
  return arena.trim(text, size_t(end - text.data()));
}

http::Piece piece_part(const http::Piece& piece, uint64_t start, uint64_t length) {
  http::Piece part;
  if (piece.file) {
    part.file = piece.file;
    part.offset = piece.offset + start;
    part.length = length;
  } else {
    part.bytes = piece.bytes.subspan(start, length);
  }
  return part;
}

}  // namespace sluice
