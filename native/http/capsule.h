#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "quic/varint.h"

namespace sluice::http {

/// RFC 9297, 3.2; draft-ietf-webtrans-http3, 5.
enum class CapsuleType : uint64_t {
  close_webtransport_session = 0x2843,
  drain_webtransport_session = 0x78ae,
};

/// Takes the capsule protocol apart, in whatever pieces its bytes come. Of types that are not known
/// the payload is passed over, however long.
class CapsuleReader {
 public:
  /// A reason has 1024 bytes at most, behind a code.
  static constexpr size_t max_payload = 4 + 1024;

  enum class Event : uint8_t {
    more,     ///< nothing left of the input
    capsule,  ///< type() and payload(), until the next call
    invalid,  ///< a known type that is too long; the end
  };

  /// Takes from the front of `input`. Call until it returns something else than capsule.
  Event next(std::span<const uint8_t>& input);

  CapsuleType type() const { return CapsuleType(type_); }
  std::span<const uint8_t> payload() const { return payload_; }
  /// No capsule has begun.
  bool between_capsules() const { return state_ == State::type && !number_.begun(); }

 private:
  enum class State : uint8_t { type, length, payload, invalid };
  bool known() const;

  quic::VarintReader number_;
  uint64_t type_ = 0;
  uint64_t left_ = 0;  ///< of the payload
  std::vector<uint8_t> payload_;
  State state_ = State::type;
};

}  // namespace sluice::http
