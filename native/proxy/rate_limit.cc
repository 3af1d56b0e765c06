#include "proxy/rate_limit.h"

#include <algorithm>

#include "base/clock.h"
#include "proxy/exchange.h"

namespace sluice {

namespace {

// The front of a piece; what remains of it is the rest.
http::Piece split(http::Piece& piece, uint64_t size) {
  http::Piece front = piece;
  front.last = false;
  if (piece.file) {
    front.length = size;
    piece.offset += size;
    piece.length -= size;
  } else {
    front.bytes = piece.bytes.first(size);
    piece.bytes = piece.bytes.subspan(size);
  }
  return front;
}

}  // namespace

RateLimit::RateLimit(Exchange& exchange, uint64_t rate, uint64_t after)
    : exchange_(exchange), rate_(rate), after_(after) {
  timer_.bind<&RateLimit::release>(this);
}

void RateLimit::write(const http::Piece& piece) {
  if (waiting()) {
    hold(piece);
    return;
  }
  http::Piece rest = piece;
  uint64_t allowed = allowance();
  if (rest.size() > allowed) {
    if (allowed > 0) exchange_.downstream.send_body(split(rest, allowed));
    hold(rest);
    timer_.set(1000);
    return;
  }
  exchange_.downstream.send_body(rest);
}

// As nginx: a second's worth is there from the start of each second, and the head counts.
uint64_t RateLimit::allowance() const {
  uint64_t elapsed = (Clock::of_thread().monotonic_ms() - uint64_t(exchange_.started_ms)) / 1000;
  uint64_t due = rate_ * (elapsed + 1) + after_;
  return due > exchange_.bytes_sent ? due - exchange_.bytes_sent : 0;
}

// Bytes are somebody else's: they are copied.
void RateLimit::hold(http::Piece piece) {
  if (!piece.file && !piece.bytes.empty()) {
    std::string_view copy = exchange_.arena.copy({piece.bytes.data(), piece.bytes.size()});
    piece.bytes = {copy.data(), copy.size()};
  }
  waiting_.push_back(std::move(piece));
}

void RateLimit::release() {
  uint64_t allowed = allowance();
  size_t done = 0;
  for (; done < waiting_.size() && waiting_[done].size() <= allowed; ++done) {
    allowed -= waiting_[done].size();
    exchange_.downstream.send_body(waiting_[done]);
  }
  if (done < waiting_.size() && allowed > 0) {
    exchange_.downstream.send_body(split(waiting_[done], allowed));
  }
  exchange_.downstream.flush();
  waiting_.erase(waiting_.begin(), waiting_.begin() + std::ptrdiff_t(done));
  if (waiting()) {
    timer_.set(1000);
  } else {
    exchange_.on_writable();
  }
}

}  // namespace sluice
