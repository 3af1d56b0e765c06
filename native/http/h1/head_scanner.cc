#include "http/h1/head_scanner.h"

#include <algorithm>
#include <bit>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace sluice::h1 {
namespace {

/// The end of the empty line that follows the line feed at `at`, or 0.
size_t empty_line_after(const char* bytes, size_t at, size_t size) {
  if (at + 1 < size && bytes[at + 1] == '\n') return at + 2;
  if (at + 2 < size && bytes[at + 1] == '\r' && bytes[at + 2] == '\n') return at + 3;
  return 0;
}

#if defined(__SSE2__)

__m128i load(const char* from) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from)); }
__m128i equal(__m128i block, char octet) { return _mm_cmpeq_epi8(block, _mm_set1_epi8(octet)); }

constexpr size_t block_size = 17;

/// Where in sixteen bytes a line feed has a CR or line feed after it. A byte more is read.
unsigned candidates(const char* from) {
  __m128i next = load(from + 1);
  __m128i line_end = _mm_or_si128(equal(next, '\r'), equal(next, '\n'));
  __m128i found = _mm_and_si128(equal(load(from), '\n'), line_end);
  return static_cast<unsigned>(_mm_movemask_epi8(found));
}

/// At least a block of bytes. The last block overlaps what comes before it.
size_t find_by_block(std::string_view bytes, size_t from) {
  const char* data = bytes.data();
  size_t last = bytes.size() - block_size;
  for (size_t at = std::min(from, last);; at = std::min(at + 16, last)) {
    for (unsigned found = candidates(data + at); found; found &= found - 1) {
      size_t end = empty_line_after(data, at + std::countr_zero(found), bytes.size());
      if (end) return end;
    }
    if (at == last) return 0;
  }
}

#endif

/// The end of the first empty line after a line feed at `from` or later, or 0.
size_t find_empty_line(std::string_view bytes, size_t from) {
#if defined(__SSE2__)
  if (bytes.size() >= block_size) return find_by_block(bytes, from);
#endif
  for (size_t at = from; at < bytes.size(); ++at) {
    if (bytes[at] != '\n') continue;
    if (size_t end = empty_line_after(bytes.data(), at, bytes.size())) return end;
  }
  return 0;
}

}  // namespace

size_t HeadScanner::find_end(std::string_view bytes) {
  size_t end = find_empty_line(bytes, scanned_);
  // A line feed among the last two bytes may still be followed by an empty line.
  scanned_ = bytes.size() < 2 ? 0 : bytes.size() - 2;
  return end;
}

size_t leading_blank(std::string_view bytes) {
  size_t size = 0;
  while (size < bytes.size() && (bytes[size] == '\r' || bytes[size] == '\n')) ++size;
  return size;
}

}  // namespace sluice::h1
