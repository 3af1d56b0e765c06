#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/arena.h"
#include "http/downstream.h"

namespace sluice {

/// Bytes `start` up to, not including, `end` of a body.
struct ByteRange {
  uint64_t start = 0;
  uint64_t end = 0;
};

/// What a Range field asks for.
struct RangeSet {
  /// `whole`: the field is to be ignored (it asks for the whole, for too many, or for more than
  /// there is).
  enum class Outcome : uint8_t { whole, ranges, unsatisfiable } outcome;
  std::span<const ByteRange> ranges;
};

/// No `max_ranges` was configured.
constexpr uint32_t any_number_of_ranges = INT32_MAX;

/// Reads what stands behind `bytes=` (RFC 9110, 14.1.2), as nginx does, for a body of `length`
/// bytes.
RangeSet parse_ranges(std::string_view text, uint64_t length, uint32_t max_ranges, Arena& arena);

/// `PREFIXstart-last/lengthSUFFIX`.
std::string_view range_text(Arena& arena, std::string_view prefix, ByteRange range, uint64_t length,
                            std::string_view suffix);
/// `bytes */length`.
std::string_view unsatisfied_range_text(Arena& arena, uint64_t length);

/// `length` bytes of a piece, beginning at its byte `start`. Neither the last, nor to be flushed.
http::Piece piece_part(const http::Piece& piece, uint64_t start, uint64_t length);

}  // namespace sluice
