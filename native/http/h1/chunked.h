#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "http/message.h"

namespace sluice::h1 {

/// Takes the chunked transfer coding apart (RFC 9112 section 7.1) without copying. Strict: lines
/// end with CRLF, sizes have at most 16 digits and fit an off_t, extensions and trailers are
/// bounded.
class ChunkedDecoder {
 public:
  enum class Event : uint8_t {
    more,   ///< the input is used up
    data,   ///< `data` holds a piece of the body
    end,    ///< the body and its trailers are over; `input` is what follows
    error,  ///< not the chunked coding: close
  };

  static constexpr size_t max_extension = 4096;  ///< bytes of extensions of one chunk
  struct TrailerRules {
    size_t max_size = 8192;  ///< bytes of all their lines
    uint32_t max_fields = UINT32_MAX;
    bool underscores = true;  ///< names may have them
  };

  /// Trailers are bounded and dropped.
  ChunkedDecoder() = default;
  /// Trailers go to `trailers`, their bytes to `arena`, but for those that have no place there
  /// (http/trailer_rules.h) and those with names that are none.
  ChunkedDecoder(http::HeaderList& trailers, Arena& arena, const TrailerRules& rules)
      : trailers_(&trailers), arena_(&arena), trailer_rules_(rules) {}

  /// Takes from the front of `input` up to the next event. Call again while it returns `data`.
  Event next(std::string_view& input, std::string_view& data);

  bool ended() const { return state_ == State::ended; }
  /// Bytes of the current chunk's data that are still to come.
  uint64_t remaining() const { return remaining_; }

 private:
  enum class State : uint8_t {
    size_start,
    size,
    size_space,
    extension,
    size_lf,
    data,
    data_cr,
    data_lf,
    trailer_start,
    trailer,
    trailer_lf,
    end_lf,
    ended,
    failed,
  };
  State step(char octet);
  State size_octet(char octet);
  State size_ended(char octet);
  State skip_extension();
  bool keep_trailer(char octet);
  bool parse_trailers();

  State state_ = State::size_start;
  uint8_t digits_ = 0;
  uint32_t skipped_ = 0;  ///< bytes of the current extensions
  uint64_t remaining_ = 0;
  http::HeaderList* trailers_ = nullptr;
  Arena* arena_ = nullptr;
  std::span<char> trailer_text_;
  size_t trailer_size_ = 0;
  TrailerRules trailer_rules_;
};

/// Bytes that write_chunk_size() may need.
inline constexpr size_t max_chunk_size_line = 18;
/// Writes `SIZE CRLF` and returns its length; after the data goes chunk_end. `size` is not 0.
size_t write_chunk_size(uint64_t size, char* out);
inline constexpr std::string_view chunk_end = "\r\n";
/// Ends a body without trailers.
inline constexpr std::string_view last_chunk = "0\r\n\r\n";

/// Bytes of the last chunk with these trailers, and the writing of them; `out` has that many.
size_t trailer_size(const http::HeaderList& trailers);
size_t write_trailers(const http::HeaderList& trailers, std::span<char> out);

}  // namespace sluice::h1
