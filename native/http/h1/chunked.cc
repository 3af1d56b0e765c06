#include "http/h1/chunked.h"

#include <algorithm>
#include <cstring>

#include "base/number.h"
#include "http/h1/field_line.h"
#include "http/h1/head_writer.h"
#include "http/trailer_rules.h"

namespace sluice::h1 {
namespace {

constexpr uint8_t max_digits = 16;
constexpr size_t first_trailer_room = 512;

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace

ChunkedDecoder::Event ChunkedDecoder::next(std::string_view& input, std::string_view& data) {
  while (!input.empty()) {
    if (state_ == State::data) {
      size_t size = static_cast<size_t>(std::min<uint64_t>(remaining_, input.size()));
      data = input.substr(0, size);
      input.remove_prefix(size);
      remaining_ -= size;
      if (remaining_ == 0) state_ = State::data_cr;
      return Event::data;
    }
    if (state_ == State::ended) return Event::end;
    if (state_ == State::failed) return Event::error;
    state_ = step(input.front());
    if (state_ == State::failed) return Event::error;
    input.remove_prefix(1);
    if (state_ == State::ended) return Event::end;
  }
  if (state_ == State::failed) return Event::error;
  return state_ == State::ended ? Event::end : Event::more;
}

ChunkedDecoder::State ChunkedDecoder::step(char octet) {
  switch (state_) {
    case State::size_start:
    case State::size:
      return size_octet(octet);
    case State::size_space:
      if (octet == ' ' || octet == '\t') return skip_extension();
      return size_ended(octet);
    case State::extension:
      if (octet == '\r') return State::size_lf;
      return octet == '\n' || octet == '\0' ? State::failed : skip_extension();
    case State::size_lf:
      if (octet != '\n') return State::failed;
      return remaining_ > 0 ? State::data : State::trailer_start;
    case State::data_cr:
      return octet == '\r' ? State::data_lf : State::failed;
    case State::data_lf:
      if (octet != '\n') return State::failed;
      digits_ = 0;
      skipped_ = 0;
      return State::size_start;
    case State::trailer_start:
    case State::trailer:
      if (octet == '\n' || !keep_trailer(octet)) return State::failed;
      if (octet != '\r') return State::trailer;
      return state_ == State::trailer ? State::trailer_lf : State::end_lf;
    case State::trailer_lf:
      return octet == '\n' && keep_trailer(octet) ? State::trailer_start : State::failed;
    case State::end_lf:
      return octet == '\n' && keep_trailer(octet) && parse_trailers() ? State::ended
                                                                      : State::failed;
    case State::data:
    case State::ended:
    case State::failed:
      break;
  }
  return State::failed;
}

ChunkedDecoder::State ChunkedDecoder::size_octet(char octet) {
  int value = hex_value(octet);
  if (value < 0) return digits_ > 0 ? size_ended(octet) : State::failed;
  if (digits_ == max_digits || remaining_ > uint64_t{INT64_MAX} >> 4) return State::failed;
  ++digits_;
  remaining_ = remaining_ << 4 | static_cast<uint64_t>(value);
  return State::size;
}

ChunkedDecoder::State ChunkedDecoder::size_ended(char octet) {
  switch (octet) {
    case '\r':
      return State::size_lf;
    case ';':
      return State::extension;
    case ' ':
    case '\t':
      return State::size_space;
  }
  return State::failed;
}

ChunkedDecoder::State ChunkedDecoder::skip_extension() {
  return ++skipped_ > max_extension ? State::failed : state_;
}

bool ChunkedDecoder::keep_trailer(char octet) {
  if (trailer_size_ == trailer_rules_.max_size) return false;
  if (!trailers_) {
    ++trailer_size_;
    return true;
  }
  if (trailer_size_ == trailer_text_.size()) {
    size_t room =
        std::min(trailer_rules_.max_size, std::max(first_trailer_room, 2 * trailer_size_));
    std::span<char> larger = arena_->text(room);
    std::copy_n(trailer_text_.data(), trailer_size_, larger.data());
    trailer_text_ = larger;
  }
  trailer_text_[trailer_size_++] = octet;
  return true;
}

bool ChunkedDecoder::parse_trailers() {
  if (!trailers_) return true;
  const char* position = trailer_text_.data();
  const char* end = position + trailer_size_;
  while (true) {
    FieldLine line = parse_field_line(position, end, trailer_text_.data());
    if (line.kind == FieldLine::Kind::end) return true;
    if (line.kind == FieldLine::Kind::invalid) return false;
    if (trailers_->size() >= trailer_rules_.max_fields) return false;
    bool odd = line.odd_name || (line.underscore && !trailer_rules_.underscores);
    if (!odd && !http::never_trailers.contains(line.id)) {
      trailers_->add(line.name, line.value, line.id);
    }
  }
}

size_t write_chunk_size(uint64_t size, char* out) {
  char* end = format_hex(out, size);
  *end++ = '\r';
  *end++ = '\n';
  return static_cast<size_t>(end - out);
}

namespace {
constexpr std::string_view last_chunk_line = "0\r\n";
}

size_t trailer_size(const http::HeaderList& trailers) {
  size_t size = last_chunk.size();
  for (const http::Header& field : trailers) size += field_size(field.name, field.value);
  return size;
}

size_t write_trailers(const http::HeaderList& trailers, std::span<char> out) {
  HeadWriter writer(out);
  writer.text(last_chunk_line);
  for (const http::Header& field : trailers) writer.field(field.name, field.value);
  writer.end_line();
  return writer.size();
}

}  // namespace sluice::h1
