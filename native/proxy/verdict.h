#pragma once

#include <cstdint>

namespace sluice {

/// What a phase handler, a content handler or a filter says about an exchange.
class Verdict {
 public:
  /// Nothing to say: the next handler of the phase.
  static constexpr Verdict declined() { return {Kind::declined, 0}; }
  /// Done with this phase: on to the next one (for access: admitted).
  static constexpr Verdict ok() { return {Kind::ok, 0}; }
  /// Parked: whoever parked it calls Exchange::resume().
  static constexpr Verdict again() { return {Kind::again, 0}; }
  /// Taken over: the taker calls Exchange::finalize() itself.
  static constexpr Verdict taken() { return {Kind::taken, 0}; }
  /// The exchange is to be ended with this status (200–599): an error page, a redirect, or as sent.
  static constexpr Verdict status(uint16_t status) { return {Kind::status, status}; }
  /// The connection cannot go on: no answer, or no more of it.
  static constexpr Verdict fail() { return {Kind::fail, 0}; }

  constexpr bool is_declined() const { return kind_ == Kind::declined; }
  constexpr bool is_ok() const { return kind_ == Kind::ok; }
  constexpr bool is_again() const { return kind_ == Kind::again; }
  constexpr bool is_taken() const { return kind_ == Kind::taken; }
  constexpr bool is_fail() const { return kind_ == Kind::fail; }
  /// 0 unless made by status().
  constexpr uint16_t status() const { return status_; }

 private:
  enum class Kind : uint8_t { declined, ok, again, taken, status, fail };
  constexpr Verdict(Kind kind, uint16_t status) : kind_(kind), status_(status) {}
  Kind kind_;
  uint16_t status_;
};

}  // namespace sluice
