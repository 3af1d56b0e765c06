#include <string>

#include "http/h1/chunked.h"
#include "test/check.h"

namespace sluice::h1 {
namespace {

using Event = ChunkedDecoder::Event;

struct Decoded {
  Event event = Event::more;
  std::string body;
  std::string rest;
};

/// Decodes `text`, handed over `step` bytes at a time.
Decoded decode(ChunkedDecoder& decoder, std::string_view text, size_t step) {
  Decoded decoded;
  size_t at = 0;
  while (at < text.size() && decoded.event == Event::more) {
    std::string_view input = text.substr(at, step);
    std::string_view data;
    at += input.size();
    while ((decoded.event = decoder.next(input, data)) == Event::data) decoded.body += data;
    at -= input.size();
  }
  decoded.rest = text.substr(at);
  return decoded;
}

Decoded decode(std::string_view text, size_t step = 1000) {
  ChunkedDecoder decoder;
  return decode(decoder, text, step);
}

TEST("h1 chunked: a body comes out whole, however it is cut") {
  std::string_view text = "5\r\nhello\r\n00C;a=\"b\" ;c\r\n, wide world\r\n0\r\nA: b\r\n\r\nGET /";
  for (size_t step = 1; step <= text.size(); ++step) {
    Decoded decoded = decode(text, step);
    CHECK_EQUAL(decoded.event, Event::end);
    CHECK_EQUAL(decoded.body, "hello, wide world");
    CHECK_EQUAL(decoded.rest, "GET /");
  }
}

TEST("h1 chunked: anything but the coding is an error") {
  for (const char* text : {
           "\r\n",
           "x\r\n",
           "-1\r\n",
           "0x5\r\n",
           " 5\r\nhello\r\n",
           "5\nhello\r\n0\r\n\r\n",
           "5\rx",
           "5 5\r\nhello",
           "5;a\nhello",
           "5\r\nhelloX",
           "5\r\nhello\n",
           "5\r\nhello\rX",
           "0\r\n\n",
           "0\r\nA: b\n",
           "0\r\nA: b\rX",
           "8000000000000000\r\n",
           "10000000000000000\r\n",
           "00000000000000005\r\nhello\r\n",
       }) {
    for (size_t step : {1, 1000}) CHECK_EQUAL(decode(text, step).event, Event::error);
  }
}

TEST("h1 chunked: the largest size is an off_t's") {
  ChunkedDecoder decoder;
  CHECK_EQUAL(decode(decoder, "7fffffffffffffff\r\nabc", 1000).body, "abc");
  CHECK_EQUAL(decoder.remaining(), 0x7fffffffffffffffu - 3);
}

TEST("h1 chunked: extensions are bounded") {
  std::string fits = "5;" + std::string(ChunkedDecoder::max_extension, 'x') + "\r\nhello\r\n";
  CHECK_EQUAL(decode(fits).body, "hello");
  std::string beyond = "5;" + std::string(ChunkedDecoder::max_extension + 1, 'x') + "\r\n";
  CHECK_EQUAL(decode(beyond).event, Event::error);
}

TEST("h1 chunked: trailers are kept, but for those that frame or route") {
  Arena arena;
  http::HeaderList trailers(arena);
  ChunkedDecoder decoder(trailers, arena, {});
  Decoded decoded =
      decode(decoder, "1\r\na\r\n0\r\nX-Sum: 1 \r\nContent-Length: 7\r\nHost: b\r\nY:2\r\n\r\n", 3);
  CHECK_EQUAL(decoded.event, Event::end);
  CHECK_EQUAL(trailers.size(), 2u);
  CHECK_EQUAL(trailers.find("x-sum")->value, "1");
  CHECK_EQUAL(trailers.find("y")->value, "2");
}

TEST("h1 chunked: trailers are bounded, kept or not") {
  std::string text = "0\r\nX: " + std::string(10000, 'x') + "\r\n\r\n";
  CHECK_EQUAL(decode(text).event, Event::error);
  Arena arena;
  http::HeaderList trailers(arena);
  ChunkedDecoder decoder(trailers, arena, {});
  CHECK_EQUAL(decode(decoder, text, 100).event, Event::error);
  ChunkedDecoder wide(trailers, arena, {.max_size = 20000});
  CHECK_EQUAL(decode(wide, text, 100).event, Event::end);
}

TEST("h1 chunked: names of kept trailers are names, and not too many") {
  Arena arena;
  http::HeaderList trailers(arena);
  ChunkedDecoder decoder(trailers, arena, {.max_fields = 2, .underscores = false});
  CHECK_EQUAL(decode(decoder, "0\r\na(b): 1\r\nc_d: 2\r\ne: 3\r\n\r\n", 100).event, Event::end);
  CHECK_EQUAL(trailers.size(), 1u);
  CHECK_EQUAL(trailers.find("e")->value, "3");
  ChunkedDecoder full(trailers, arena, {.max_fields = 2});
  CHECK_EQUAL(decode(full, "0\r\nf: 1\r\ng: 2\r\n\r\n", 100).event, Event::error);
}

TEST("h1 chunked: kept trailers must be fields") {
  Arena arena;
  http::HeaderList trailers(arena);
  ChunkedDecoder decoder(trailers, arena, {});
  CHECK_EQUAL(decode(decoder, "0\r\nA b: c\r\n\r\n", 100).event, Event::error);
}

TEST("h1 chunked: the encoder writes sizes and trailers") {
  char line[max_chunk_size_line];
  CHECK_EQUAL(std::string_view(line, write_chunk_size(0x1f, line)), "1f\r\n");
  CHECK_EQUAL(write_chunk_size(UINT64_MAX, line), max_chunk_size_line);
  Arena arena;
  http::HeaderList trailers(arena);
  trailers.add("A", "b");
  std::string room(trailer_size(trailers), '\0');
  CHECK_EQUAL(write_trailers(trailers, room), room.size());
  CHECK_EQUAL(room, "0\r\nA: b\r\n\r\n");
}

}  // namespace
}  // namespace sluice::h1
