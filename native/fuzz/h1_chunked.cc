// A chunked body: however it is cut, the same comes out; what the encoder writes, the decoder
// reads.

#include <algorithm>
#include <string>

#include "fuzz/split.h"
#include "http/h1/chunked.h"

namespace {

using namespace sluice;
using Event = h1::ChunkedDecoder::Event;

struct Outcome {
  Event event = Event::more;
  std::string body;
  std::string trailers;
  size_t used = 0;
  bool operator==(const Outcome&) const = default;
};

Outcome decode(std::string_view bytes, size_t step, bool keep_trailers) {
  Arena arena;
  http::HeaderList trailers(arena);
  h1::ChunkedDecoder decoder =
      keep_trailers ? h1::ChunkedDecoder(trailers, arena, {.max_size = 256}) : h1::ChunkedDecoder();
  Outcome outcome;
  for (size_t at = 0; at < bytes.size() && outcome.event == Event::more; at += step) {
    fuzz::Exact piece(bytes.substr(at, step));
    std::string_view input = piece.view();
    std::string_view data;
    while ((outcome.event = decoder.next(input, data)) == Event::data) outcome.body.append(data);
    outcome.used += piece.view().size() - input.size();
  }
  if (outcome.event == Event::end) {
    FUZZ_REQUIRE(decoder.ended());
    for (const http::Header& field : trailers) {
      outcome.trailers.append(field.name).append(": ").append(field.value).append("\n");
    }
  }
  return outcome;
}

std::string encode(std::string_view body, size_t step) {
  std::string text;
  char line[h1::max_chunk_size_line];
  for (size_t at = 0; at < body.size(); at += step) {
    std::string_view piece = body.substr(at, step);
    text.append(line, h1::write_chunk_size(piece.size(), line));
    text.append(piece).append(h1::chunk_end);
  }
  return text.append(h1::last_chunk);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  bool keep_trailers = data[0] & 1;
  size_t piece = 1 + (data[0] >> 1);
  std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);

  Outcome at_once = decode(bytes, bytes.size() + 1, keep_trailers);
  for (size_t step : {size_t{1}, size_t{2}, piece}) {
    FUZZ_REQUIRE(decode(bytes, step, keep_trailers) == at_once);
  }
  FUZZ_REQUIRE(at_once.body.size() <= at_once.used);

  Outcome back = decode(encode(bytes, piece), piece, keep_trailers);
  FUZZ_REQUIRE(back.event == Event::end && back.body == bytes && back.trailers.empty());
  return 0;
}
