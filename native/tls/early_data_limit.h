#pragma once

#include <cstdint>
#include <utility>

namespace sluice::tls {

/// How many uses of early data one worker notes in a session store. Each first use takes a key
/// there for two minutes: whoever has many genuine sessions must neither fill the store nor keep
/// it busy. What is refused costs its client a round trip, and no session.
class EarlyDataLimit {
 public:
  static constexpr uint32_t most_asked = 256;      ///< at once
  static constexpr uint32_t most_a_second = 1000;  ///< first uses
  /// So long after the last refusal the state has changed.
  static constexpr int64_t quiet_seconds = 5;

  /// A change of state, to be told once.
  enum class Change : uint8_t { none, begins, ends };

  /// Whether one more use may be noted; if so, settle() has to follow. `now`: seconds.
  bool admit(int64_t now, Change& change) {
    if (second_ != now) noted_ = 0;
    second_ = now;
    bool admitted = asked_ < most_asked && noted_ + asked_ < most_a_second;
    if (!admitted) {
      refused_at_ = now;
      change = std::exchange(limiting_, true) ? Change::none : Change::begins;
      return false;
    }
    ++asked_;
    bool ends = limiting_ && now - refused_at_ >= quiet_seconds;
    if (ends) limiting_ = false;
    change = ends ? Change::ends : Change::none;
    return true;
  }

  /// The store has answered, or nobody waits for it any more. `noted`: there may be a key.
  void settle(bool noted) {
    --asked_;
    if (noted) ++noted_;
  }

 private:
  int64_t second_ = 0;
  int64_t refused_at_ = 0;
  uint32_t asked_ = 0;  ///< and not settled
  uint32_t noted_ = 0;  ///< in this second
  bool limiting_ = false;
};

}  // namespace sluice::tls
