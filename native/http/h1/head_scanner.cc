#include "http/h1/head_scanner.h"

#include <bit>
#include <cstring>

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

}  // namespace

size_t HeadScanner::find_end(std::string_view bytes) {
  const char* data = bytes.data();
  size_t size = bytes.size();
  size_t at = scanned_;
#if defined(__SSE2__)
  for (const __m128i feed = _mm_set1_epi8('\n'); at + 16 <= size; at += 16) {
    __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(data + at));
    auto feeds = static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(block, feed)));
    for (; feeds; feeds &= feeds - 1) {
      size_t end = empty_line_after(data, at + std::countr_zero(feeds), size);
      if (end) return end;
    }
  }
#endif
  for (; at < size; ++at) {
    if (data[at] != '\n') continue;
    if (size_t end = empty_line_after(data, at, size)) return end;
  }
  // A line feed among the last two bytes may still be followed by an empty line.
  scanned_ = size < 2 ? 0 : size - 2;
  return 0;
}

size_t leading_blank(std::string_view bytes) {
  size_t size = 0;
  while (size < bytes.size() && (bytes[size] == '\r' || bytes[size] == '\n')) ++size;
  return size;
}

}  // namespace sluice::h1
