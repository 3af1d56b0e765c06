#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "quic/varint.h"

/// HTTP/3's frames, streams and errors (RFC 9114, 6 to 8).
namespace sluice::h3 {

enum class FrameType : uint64_t {
  data = 0x0,
  headers = 0x1,
  cancel_push = 0x3,
  settings = 0x4,
  push_promise = 0x5,
  goaway = 0x7,
  max_push_id = 0xd,
  priority_update = 0xf0700,  ///< RFC 9218, 7.2
  push_priority_update = 0xf0701,
};

enum class StreamType : uint64_t {
  control = 0,
  push = 1,
  qpack_encoder = 2,
  qpack_decoder = 3,
  webtransport = 0x54,
};

/// What a bidirectional stream of a WebTransport session begins with, where others have a frame.
constexpr uint64_t webtransport_signal = 0x41;

enum class Setting : uint64_t {
  qpack_max_table_capacity = 0x1,
  max_field_section_size = 0x6,
  qpack_blocked_streams = 0x7,
  enable_connect_protocol = 0x8,           ///< RFC 9220
  datagram = 0x33,                         ///< RFC 9297
  enable_webtransport = 0x2b603742,        ///< draft-ietf-webtrans-http3-02: what browsers speak
  webtransport_max_sessions = 0xc671706a,  ///< from draft 07 on
};

enum class Error : uint64_t {
  datagram_error = 0x33,
  none = 0x100,
  general_protocol_error = 0x101,
  internal_error = 0x102,
  stream_creation_error = 0x103,
  closed_critical_stream = 0x104,
  frame_unexpected = 0x105,
  frame_error = 0x106,
  excessive_load = 0x107,
  id_error = 0x108,
  settings_error = 0x109,
  missing_settings = 0x10a,
  request_rejected = 0x10b,
  request_cancelled = 0x10c,
  request_incomplete = 0x10d,
  message_error = 0x10e,
  connect_error = 0x10f,
  qpack_decompression_failed = 0x200,
  qpack_encoder_stream_error = 0x201,
  qpack_decoder_stream_error = 0x202,
  webtransport_session_gone = 0x170d7b68,
  webtransport_buffered_stream_rejected = 0x3994bd84,
};

/// Types that HTTP/2 had and HTTP/3 must never see (RFC 9114, 7.2.8).
constexpr bool is_forbidden(uint64_t type) {
  return type == 0x2 || type == 0x6 || type == 0x8 || type == 0x9;
}

/// Takes a stream's bytes apart into frames, in whatever pieces they come.
class FrameReader {
 public:
  enum class Event : uint8_t {
    more,     ///< nothing left of the input
    begin,    ///< a frame's head is complete: type(), length()
    payload,  ///< some of its payload
    end,      ///< all of its payload has come
  };

  /// Takes from the front of `input`. Call until it returns more.
  Event next(std::span<const uint8_t>& input, std::span<const uint8_t>& payload) {
    if (state_ == State::type && number_.read(input, type_)) state_ = State::length;
    if (state_ == State::length && number_.read(input, length_)) {
      left_ = length_;
      state_ = State::payload;
      return Event::begin;
    }
    if (state_ != State::payload) return Event::more;
    if (left_ == 0) {
      state_ = State::type;
      return Event::end;
    }
    if (input.empty()) return Event::more;
    payload = input.first(size_t(std::min<uint64_t>(input.size(), left_)));
    input = input.subspan(payload.size());
    left_ -= payload.size();
    return Event::payload;
  }

  uint64_t type() const { return type_; }
  uint64_t length() const { return length_; }
  /// Of the payload, what has not come yet.
  uint64_t left() const { return left_; }
  bool is(FrameType type) const { return type_ == uint64_t(type); }
  /// No frame has begun.
  bool between_frames() const { return state_ == State::type && !number_.begun(); }

 private:
  enum class State : uint8_t { type, length, payload };
  quic::VarintReader number_;
  uint64_t type_ = 0;
  uint64_t length_ = 0;
  uint64_t left_ = 0;
  State state_ = State::type;
};

/// A frame's head, up to 16 bytes; returns the end.
inline uint8_t* put_frame_head(uint8_t* out, FrameType type, uint64_t length) {
  return quic::put_varint(quic::put_varint(out, uint64_t(type)), length);
}
constexpr size_t max_frame_head_size = 2 * quic::max_varint_size;

}  // namespace sluice::h3
