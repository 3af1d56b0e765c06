#include "http/h1/client_codec.h"

#include <algorithm>
#include <cstring>

#include "http/status.h"

namespace sluice::h1 {

using Event = UpstreamCodec::Event;

void ClientCodec::send_head(net::Stream& stream) { stream.write(request_.head); }

void ClientCodec::begin_chunk(net::Stream& stream, uint64_t size) {
  std::span<char> line = stream.prepare(max_chunk_size_line);
  stream.commit(write_chunk_size(size, line.data()));
}

void ClientCodec::send_body(net::Stream& stream, std::span<const char> bytes) {
  if (bytes.empty()) return;
  if (request_.chunked) begin_chunk(stream, bytes.size());
  stream.write(bytes);
  if (request_.chunked) stream.write(chunk_end);
}

void ClientCodec::send_file(net::Stream& stream, FileRef file, uint64_t size) {
  if (size == 0) return;
  if (request_.chunked) begin_chunk(stream, size);
  stream.write_file(std::move(file), 0, size);
  if (request_.chunked) stream.write(chunk_end);
}

void ClientCodec::end_body(net::Stream& stream, const http::HeaderList& trailers) {
  if (!request_.chunked) return;
  std::span<char> room = stream.prepare(trailer_size(trailers));
  stream.commit(write_trailers(trailers, room));
}

Event ClientCodec::next(std::string_view& input, std::string_view& piece) {
  switch (state_) {
    case State::head:
      return input.empty() ? Event::more : take_head(input);
    case State::length:
      if (input.empty()) return Event::more;
      piece = input.substr(0, remaining_);
      input.remove_prefix(piece.size());
      remaining_ -= piece.size();
      if (remaining_ == 0) state_ = State::ended;
      return Event::body;
    case State::chunked:
      switch (chunked_.next(input, piece)) {
        case ChunkedDecoder::Event::more:
          return Event::more;
        case ChunkedDecoder::Event::data:
          return Event::body;
        case ChunkedDecoder::Event::end:
          state_ = State::ended;
          return Event::end;
        case ChunkedDecoder::Event::error:
          chunked_broken_ = true;
          return Event::refused;
      }
      return Event::more;
    case State::until_close:
      if (input.empty()) return Event::more;
      piece = std::exchange(input, {});
      return Event::body;
    case State::ended:
      return Event::end;
  }
  return Event::more;
}

Event ClientCodec::take_head(std::string_view& input) {
  if (partial_size_ == 0) {
    if (parse_in_place(input)) return begin_response();
    switch (scanner_.scan(input)) {
      case ResponseScanner::Result::complete: {
        std::string_view bytes = arena_.copy(input.substr(0, scanner_.size()));
        input.remove_prefix(bytes.size());
        return parse_head(bytes);
      }
      case ResponseScanner::Result::refused:
        return refuse();
      case ResponseScanner::Result::incomplete:
        partial_ = arena_.text(head_limit_);
    }
  }
  size_t taken = std::min(input.size(), partial_.size() - partial_size_);
  std::memcpy(partial_.data() + partial_size_, input.data(), taken);
  size_t before = std::exchange(partial_size_, partial_size_ + taken);
  std::string_view bytes(partial_.data(), partial_size_);
  switch (scanner_.scan(bytes)) {
    case ResponseScanner::Result::complete:
      input.remove_prefix(scanner_.size() - before);
      partial_size_ = 0;
      return parse_head(bytes.substr(0, scanner_.size()));
    case ResponseScanner::Result::refused:
      input = bytes;
      return refuse();
    case ResponseScanner::Result::incomplete:
      break;
  }
  input = {};
  return Event::more;
}

Event ClientCodec::refuse() {
  why_.error = scanner_.error();
  if (why_.error != ResponseError::no_status_line) return Event::refused;
  head_.status = 200;
  head_.keep_alive = false;
  state_ = State::until_close;
  return Event::raw;
}

/// Nearly every head arrives whole, and is good: no need to look for its end before it is parsed.
/// Then it is copied, to where its fields stay. False: nothing has happened.
bool ClientCodec::parse_in_place(std::string_view& input) {
  head_.headers.clear();
  if (parse_response(input.substr(0, head_limit_), head_, why_) != ResponseError::none) {
    head_.headers.clear();
    head_.reason = {};
    return false;
  }
  std::string_view kept = arena_.copy(input.substr(0, head_.size));
  head_.moved(input.data(), kept.data());
  input.remove_prefix(kept.size());
  return true;
}

Event ClientCodec::parse_head(std::string_view bytes) {
  head_.headers.clear();
  if (parse_response(bytes, head_, why_) != ResponseError::none) return Event::refused;
  return begin_response();
}

Event ClientCodec::begin_response() {
  if (http::is_interim(head_.status)) {
    // The head that counts is still to come (RFC 9110, 15.2).
    scanner_ = ResponseScanner(head_limit_);
    return Event::hints;
  }
  begin_body();
  return Event::head;
}

void ClientCodec::begin_body() {
  // What follows a 101 is the other protocol's.
  if (head_.status == 101) {
    state_ = State::until_close;
    head_.keep_alive = false;
    return;
  }
  switch (response_framing(head_, request_.method)) {
    case BodyFraming::none:
      state_ = State::ended;
      break;
    case BodyFraming::length:
      remaining_ = *head_.content_length;
      state_ = remaining_ > 0 ? State::length : State::ended;
      break;
    case BodyFraming::chunked:
      if (keep_trailers_)
        chunked_ = ChunkedDecoder(head_.trailers, arena_, {.max_size = head_limit_});
      state_ = State::chunked;
      break;
    case BodyFraming::until_close:
      state_ = State::until_close;
      break;
  }
}

void ClientCodec::skipped(uint64_t bytes) {
  remaining_ -= bytes;
  if (remaining_ == 0) state_ = State::ended;
}

Event ClientCodec::input_ended() {
  if (state_ != State::until_close) return Event::more;
  state_ = State::ended;
  head_.keep_alive = false;
  return Event::end;
}

std::string_view ClientCodec::refusal() {
  if (chunked_broken_) return "upstream sent invalid chunked response";
  return why_.message(arena_);
}

}  // namespace sluice::h1
