#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/// Fast scans over a head's bytes: sixteen at a time where the processor can, one at a time at the
/// end, never past it.
namespace sluice::h1::octets {

enum : uint8_t {
  name = 1,         ///< letters, digits and `-`: what nginx takes in a field name
  value_stop = 2,   ///< CR, LF, NUL
  target_stop = 4,  ///< space, controls and DEL
  path_stop = 8,    ///< those, `?` and `#`
  name_end = 16,    ///< space, controls and `:`: no field name goes on there
};

inline constexpr auto kinds = [] {
  std::array<uint8_t, 256> table{};
  for (int c = 'a'; c <= 'z'; ++c) table[c] = table[c - 0x20] = name;
  for (int c = '0'; c <= '9'; ++c) table[c] = name;
  table['-'] = name;
  for (int c = 0; c <= ' '; ++c) table[c] = target_stop | path_stop | name_end;
  table[0x7f] = target_stop | path_stop;
  table['?'] = table['#'] = path_stop;
  table[':'] = name_end;
  for (int c : {'\r', '\n', '\0'}) table[c] |= value_stop;
  return table;
}();

#if defined(__SSE2__)

/// Bytes from `low` to `high`, both unsigned, as a mask.
inline __m128i between(__m128i block, uint8_t low, uint8_t high) {
  __m128i offset = _mm_sub_epi8(block, _mm_set1_epi8(static_cast<char>(low)));
  __m128i limit = _mm_set1_epi8(static_cast<char>(high - low));
  return _mm_cmpeq_epi8(_mm_min_epu8(offset, limit), offset);
}
inline __m128i equal(__m128i block, char octet) {
  return _mm_cmpeq_epi8(block, _mm_set1_epi8(octet));
}

struct NotName {
  static constexpr bool stops(char c) { return !(kinds[static_cast<unsigned char>(c)] & name); }
  static unsigned mask(__m128i block) {
    __m128i letter = between(_mm_or_si128(block, _mm_set1_epi8(0x20)), 'a', 'z');
    __m128i digit = between(block, '0', '9');
    __m128i good = _mm_or_si128(_mm_or_si128(letter, digit), equal(block, '-'));
    return static_cast<unsigned>(_mm_movemask_epi8(good)) ^ 0xffff;
  }
};

struct NameEnd {
  static constexpr bool stops(char c) { return kinds[static_cast<unsigned char>(c)] & name_end; }
  static unsigned mask(__m128i block) {
    __m128i end = _mm_or_si128(between(block, 0, ' '), equal(block, ':'));
    return static_cast<unsigned>(_mm_movemask_epi8(end));
  }
};

struct ValueStop {
  static constexpr bool stops(char c) { return kinds[static_cast<unsigned char>(c)] & value_stop; }
  static unsigned mask(__m128i block) {
    __m128i stop = _mm_or_si128(equal(block, '\r'), equal(block, '\n'));
    return static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(stop, equal(block, '\0'))));
  }
};

struct TargetStop {
  static constexpr bool stops(char c) { return kinds[static_cast<unsigned char>(c)] & target_stop; }
  static __m128i stop(__m128i block) {
    return _mm_or_si128(between(block, 0, ' '), equal(block, 0x7f));
  }
  static unsigned mask(__m128i block) {
    return static_cast<unsigned>(_mm_movemask_epi8(stop(block)));
  }
};

struct PathStop {
  static constexpr bool stops(char c) { return kinds[static_cast<unsigned char>(c)] & path_stop; }
  static unsigned mask(__m128i block) {
    __m128i mark = _mm_or_si128(equal(block, '?'), equal(block, '#'));
    return static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(mark, TargetStop::stop(block))));
  }
};

#else

template <uint8_t kind, bool wanted>
struct Kind {
  static constexpr bool stops(char c) {
    return static_cast<bool>(kinds[static_cast<unsigned char>(c)] & kind) == wanted;
  }
};
using NotName = Kind<name, false>;
using NameEnd = Kind<name_end, true>;
using ValueStop = Kind<value_stop, true>;
using TargetStop = Kind<target_stop, true>;
using PathStop = Kind<path_stop, true>;

#endif

/// The first byte of [from, end) that stops the scan, or `end`. From `floor` on, which is not after
/// `from`, bytes are there to be read: with sixteen of them the last block overlaps what was
/// scanned before.
template <typename Stop>
[[gnu::always_inline]] inline const char* find(const char* from, const char* end,
                                               [[maybe_unused]] const char* floor) {
#if defined(__SSE2__)
  auto load = [](const char* at) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at)); };
  for (; end - from >= 16; from += 16) {
    if (unsigned mask = Stop::mask(load(from))) return from + std::countr_zero(mask);
  }
  if (end - floor >= 16) {
    unsigned mask = Stop::mask(load(end - 16)) >> (16 - (end - from));
    return mask ? from + std::countr_zero(mask) : end;
  }
#endif
  while (from != end && !Stop::stops(*from)) ++from;
  return from;
}

}  // namespace sluice::h1::octets
