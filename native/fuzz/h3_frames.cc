// Frames of an HTTP/3 stream: in whatever pieces the bytes come, the same frames come out.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "http/h3/frames.h"

namespace {

using namespace sluice;
using Bytes = std::span<const uint8_t>;

struct Frame {
  uint64_t type;
  uint64_t length;
  std::string payload;
  bool ended;
  bool operator==(const Frame&) const = default;
};

std::vector<Frame> read(Bytes input, size_t piece) {
  h3::FrameReader reader;
  std::vector<Frame> frames;
  while (!input.empty()) {
    Bytes part = input.first(std::min(piece, input.size()));
    input = input.subspan(part.size());
    Bytes payload;
    for (bool more = true; more;) {
      switch (reader.next(part, payload)) {
        case h3::FrameReader::Event::more:
          more = false;
          break;
        case h3::FrameReader::Event::begin:
          frames.push_back({reader.type(), reader.length(), {}, false});
          break;
        case h3::FrameReader::Event::payload:
          frames.back().payload.append(payload.begin(), payload.end());
          break;
        case h3::FrameReader::Event::end:
          frames.back().ended = true;
          break;
      }
    }
    if (!part.empty()) __builtin_trap();
  }
  return frames;
}

void check_frames(Bytes input) {
  std::vector<Frame> whole = read(input, input.size());
  for (size_t piece : {1, 2, 3, 7}) {
    if (read(input, piece) != whole) __builtin_trap();
  }
  for (const Frame& frame : whole) {
    if (frame.payload.size() > frame.length) __builtin_trap();
    if (frame.ended && frame.payload.size() != frame.length) __builtin_trap();
    uint8_t head[h3::max_frame_head_size];
    uint8_t* end = h3::put_frame_head(head, h3::FrameType(frame.type), frame.length);
    h3::FrameReader reader;
    Bytes bytes(head, end), payload;
    bool same = reader.next(bytes, payload) == h3::FrameReader::Event::begin && bytes.empty() &&
                reader.type() == frame.type && reader.length() == frame.length;
    if (!same) __builtin_trap();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  check_frames({data, size});
  return 0;
}
