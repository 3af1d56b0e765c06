#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "quic/varint.h"

namespace sluice::http {

/// RFC 9297, 3.5; draft-ietf-webtrans-http3, 5; the others are of draft-ietf-webtrans-http2-14, 6.
enum class CapsuleType : uint64_t {
  datagram = 0x00,
  close_webtransport_session = 0x2843,
  drain_webtransport_session = 0x78ae,
  padding = 0x190b4d38,
  reset_stream,
  stop_sending,
  stream,
  last_of_stream,
  max_data,
  max_stream_data,
  max_bidirectional_streams,
  max_unidirectional_streams,
  data_blocked,
  stream_data_blocked,
  bidirectional_streams_blocked,
  unidirectional_streams_blocked,
};
static_assert(uint64_t(CapsuleType::unidirectional_streams_blocked) == 0x190b4d44);

/// What becomes of a capsule's payload.
enum class CapsuleUse : uint8_t {
  skip,     ///< passed over, however long
  whole,    ///< kept until it is complete
  pieces,   ///< handed on as it comes
  invalid,  ///< such a capsule is an error
};

/// A reason has 1024 bytes at most, behind a code.
constexpr size_t max_close_capsule = 4 + 1024;

/// Of the capsules that sessions have over either version of HTTP.
CapsuleUse use_of_session_capsule(CapsuleType type, uint64_t length);

/// Takes the capsule protocol (RFC 9297, 3.2) apart, in whatever pieces its bytes come.
class CapsuleReader {
 public:
  using Rule = CapsuleUse (*)(CapsuleType, uint64_t length);
  explicit CapsuleReader(Rule rule) : rule_(rule) {}

  enum class Event : uint8_t {
    more,     ///< nothing left of the input
    capsule,  ///< type() and payload(), until the next call
    piece,    ///< type() and payload(), of which begins() and ends() tell the place
    invalid,  ///< the end
  };

  /// Takes from the front of `input`. Call until it returns `more`, or `invalid`.
  Event next(std::span<const uint8_t>& input);

  CapsuleType type() const { return CapsuleType(type_); }
  std::span<const uint8_t> payload() const { return payload_; }
  /// Of a piece: the first of its capsule, and the last.
  bool begins() const { return begins_; }
  bool ends() const { return left_ == 0; }
  /// No capsule has begun.
  bool between_capsules() const { return state_ == State::type && !number_.begun(); }

 private:
  enum class State : uint8_t { type, length, payload, invalid };

  Rule rule_;
  quic::VarintReader number_;
  uint64_t type_ = 0;
  uint64_t left_ = 0;  ///< of the payload
  std::vector<uint8_t> kept_;
  std::span<const uint8_t> payload_;
  CapsuleUse use_ = CapsuleUse::skip;
  State state_ = State::type;
  bool fresh_ = false;  ///< nothing of the payload was handed on yet
  bool begins_ = false;
};

/// Appends a capsule: numbers, then bytes.
void append_capsule(std::string& to, CapsuleType type, std::initializer_list<uint64_t> numbers,
                    std::string_view bytes = {});

}  // namespace sluice::http
