#pragma once

#include <cstdint>
#include <string_view>

#include "http/h1/chunked.h"
#include "http/message.h"

namespace sluice::h1 {

/// Takes a request's body off the connection's bytes, by its length or its chunks (RFC 9112
/// section 6.3).
class BodyReader {
 public:
  enum class Event : uint8_t { more, data, end, error };

  /// Begins with a parsed head, whose trailers come behind the body; a request without a body ends
  /// at once.
  void start(http::RequestHead& head, Arena& arena, const ChunkedDecoder::TrailerRules& rules) {
    chunked_ = head.chunked;
    left_ = head.content_length.value_or(0);
    if (chunked_) decoder_ = ChunkedDecoder(head.trailers, arena, rules);
  }

  /// Takes from the front of `input` up to the next event. Call again while it returns data.
  Event next(std::string_view& input, std::string_view& data) {
    if (chunked_) return Event(decoder_.next(input, data));
    if (left_ == 0) return Event::end;
    if (input.empty()) return Event::more;
    data = input.substr(0, left_);
    input.remove_prefix(data.size());
    left_ -= data.size();
    return Event::data;
  }

  bool ended() const { return chunked_ ? decoder_.ended() : left_ == 0; }

 private:
  static_assert(int(Event::more) == int(ChunkedDecoder::Event::more) &&
                int(Event::data) == int(ChunkedDecoder::Event::data) &&
                int(Event::end) == int(ChunkedDecoder::Event::end) &&
                int(Event::error) == int(ChunkedDecoder::Event::error));
  ChunkedDecoder decoder_;
  uint64_t left_ = 0;
  bool chunked_ = false;
};

}  // namespace sluice::h1
