#include "http/capsule.h"

#include <algorithm>
#include <utility>

namespace sluice::http {

CapsuleUse use_of_session_capsule(CapsuleType type, uint64_t length) {
  switch (type) {
    case CapsuleType::close_webtransport_session:
    case CapsuleType::drain_webtransport_session:
      return length <= max_close_capsule ? CapsuleUse::whole : CapsuleUse::invalid;
    default:
      return CapsuleUse::skip;
  }
}

CapsuleReader::Event CapsuleReader::next(std::span<const uint8_t>& input) {
  while (true) {
    switch (state_) {
      case State::type:
        if (!number_.read(input, type_)) return Event::more;
        state_ = State::length;
        break;
      case State::length:
        if (!number_.read(input, left_)) return Event::more;
        use_ = rule_(type(), left_);
        kept_.clear();
        fresh_ = true;
        state_ = use_ == CapsuleUse::invalid ? State::invalid : State::payload;
        break;
      case State::payload: {
        auto piece = input.first(size_t(std::min<uint64_t>(input.size(), left_)));
        if (piece.empty() && left_ > 0) return Event::more;
        input = input.subspan(piece.size());
        left_ -= piece.size();
        if (left_ == 0) state_ = State::type;
        if (use_ == CapsuleUse::pieces) {
          begins_ = std::exchange(fresh_, false);
          payload_ = piece;
          return Event::piece;
        }
        if (use_ == CapsuleUse::skip) break;
        kept_.insert(kept_.end(), piece.begin(), piece.end());
        if (left_ > 0) return Event::more;
        payload_ = kept_;
        return Event::capsule;
      }
      case State::invalid:
        return Event::invalid;
    }
  }
}

void append_capsule(std::string& to, CapsuleType type, std::initializer_list<uint64_t> numbers,
                    std::string_view bytes) {
  size_t length = bytes.size();
  for (uint64_t number : numbers) length += quic::varint_size(number);
  auto put = [&to](uint64_t number) {
    uint8_t room[quic::max_varint_size];
    to.append(reinterpret_cast<const char*>(room), size_t(quic::put_varint(room, number) - room));
  };
  put(uint64_t(type));
  put(length);
  for (uint64_t number : numbers) put(number);
  to += bytes;
}

}  // namespace sluice::http
