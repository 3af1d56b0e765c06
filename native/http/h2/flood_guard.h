#pragma once

#include <algorithm>
#include <cstdint>

namespace sluice::h2 {

/// Tells a busy client from one that keeps us busy (RFC 9113 section 10.5): frames that bring
/// neither a request nor a body are paid for from a budget. It fills up again with time, within ten
/// seconds, and with what the client really does.
class FloodGuard {
 public:
  struct Limits {
    uint32_t resets;          ///< http2_max_resets
    uint32_t control_frames;  ///< http2_max_control_frames
  };
  FloodGuard(Limits limits, uint64_t now_ms)
      : resets_(limits.resets, now_ms), control_frames_(limits.control_frames, now_ms) {}

  /// A stream ended before it was answered, by the client or by its fault. False: too many.
  bool reset(uint64_t now_ms) { return resets_.take(now_ms); }
  /// SETTINGS, PING, PRIORITY_UPDATE, a tiny WINDOW_UPDATE, an empty DATA. False: too many.
  bool control_frame(uint64_t now_ms) { return control_frames_.take(now_ms); }

  void note_request() { control_frames_.earn(frames_of_a_request); }
  /// Bytes of bodies, either way.
  void note_body(uint64_t bytes) {
    body_bytes_ += bytes;
    control_frames_.earn(uint32_t(std::min<uint64_t>(body_bytes_ >> 10, UINT32_MAX)));
    body_bytes_ &= 1023;
  }
  /// Everything that came, and what of it was of any use. False: mere ballast, whatever frames it
  /// is made of; nginx's rule.
  bool note_input(uint64_t bytes) {
    received_ += bytes;
    return received_ / 8 <= useful_ + (1 << 20);
  }
  void note_useful(uint64_t bytes) { useful_ += bytes; }

 private:
  static constexpr uint32_t frames_of_a_request = 4;

  class Budget {
   public:
    Budget(uint32_t most, uint64_t now_ms) : most_(most), left_(most), filled_ms_(now_ms) {}

    bool take(uint64_t now_ms) {
      if (left_ == 0) fill(now_ms);
      if (left_ == 0) return false;
      --left_;
      return true;
    }
    void earn(uint32_t count) { left_ += std::min(count, most_ - left_); }

   private:
    static constexpr uint64_t whole_ms = 10'000;
    void fill(uint64_t now_ms) {
      uint64_t earned = uint64_t(most_) * (now_ms - filled_ms_) / whole_ms;
      if (earned == 0) return;
      filled_ms_ = now_ms;
      earn(uint32_t(std::min<uint64_t>(earned, most_)));
    }

    uint32_t most_;
    uint32_t left_;
    uint64_t filled_ms_;
  };

  Budget resets_;
  Budget control_frames_;
  uint64_t body_bytes_ = 0;
  uint64_t received_ = 0;
  uint64_t useful_ = 0;
};

}  // namespace sluice::h2
