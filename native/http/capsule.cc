#include "http/capsule.h"

#include <algorithm>

namespace sluice::http {

bool CapsuleReader::known() const {
  return type() == CapsuleType::close_webtransport_session ||
         type() == CapsuleType::drain_webtransport_session;
}

CapsuleReader::Event CapsuleReader::next(std::span<const uint8_t>& input) {
  while (true) {
    switch (state_) {
      case State::type:
        if (!number_.read(input, type_)) return Event::more;
        payload_.clear();
        state_ = State::length;
        break;
      case State::length:
        if (!number_.read(input, left_)) return Event::more;
        state_ = known() && left_ > max_payload ? State::invalid : State::payload;
        break;
      case State::payload: {
        auto piece = input.first(size_t(std::min<uint64_t>(input.size(), left_)));
        input = input.subspan(piece.size());
        left_ -= piece.size();
        if (known()) payload_.insert(payload_.end(), piece.begin(), piece.end());
        if (left_ > 0) return Event::more;
        state_ = State::type;
        if (known()) return Event::capsule;
        break;
      }
      case State::invalid:
        return Event::invalid;
    }
  }
}

}  // namespace sluice::http
