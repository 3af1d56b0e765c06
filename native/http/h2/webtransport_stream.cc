#include "http/h2/webtransport_stream.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "http/h2/webtransport_session.h"

namespace sluice::h2 {

using http::append_capsule;
using http::CapsuleType;

namespace {

/// Of one stream's data in a row, so that others get their turn; fits into one frame of HTTP/2.
constexpr size_t largest_piece = 16 * 1024 - 64;

}  // namespace

WebTransportStream::WebTransportStream(WebTransportSession& session, uint64_t stream, bool is_ours,
                                       uint64_t window, uint64_t client_window)
    : id(stream),
      ours(is_ours),
      session_(session),
      window_(window),
      allowed_(window),
      client_window_(client_window),
      receiving_(is_ours && !is_bidirectional(stream) ? Receiving::ended : Receiving::open),
      announced_(!is_ours),
      sending_over_(!is_ours && !is_bidirectional(stream)) {}

// --- What comes ---

WebTransportStream::Reception WebTransportStream::receive(size_t bytes, bool end) {
  if (receiving_ == Receiving::ended) return Reception::over_end;
  if (receiving_ == Receiving::given_up) return Reception::dropped;
  received_ += bytes;
  if (received_ > allowed_) return Reception::over_window;
  if (end) receiving_ = Receiving::ended;
  return stopped_ ? Reception::dropped : Reception::wanted;
}

WebTransportStream::Reception WebTransportStream::on_reset(uint64_t size) {
  if (receiving_ == Receiving::ended || size < received_) return Reception::over_end;
  bool first = std::exchange(receiving_, Receiving::given_up) == Receiving::open;
  return first && !stopped_ ? Reception::wanted : Reception::dropped;
}

bool WebTransportStream::on_stopped(uint32_t code) {
  if (sending_over_ || reset_wanted_) return false;
  reset(code);
  return true;
}

bool WebTransportStream::set_client_window(uint64_t most) {
  if (most < told_window_) return false;
  told_window_ = most;
  client_window_ = std::max(client_window_, most);
  if (has_capsules()) session_.wants_to_send(*this);
  return true;
}

void WebTransportStream::consume(size_t bytes) {
  used_ += bytes;
  session_.consume(bytes);
  if (wants_window()) session_.wants_to_send(*this);
}

bool WebTransportStream::wants_window() const {
  return receiving_ == Receiving::open && !stopped_ && allowed_ - used_ <= window_ / 2;
}

void WebTransportStream::stop(uint32_t code) {
  if (receiving_ != Receiving::open || std::exchange(stopped_, true)) return;
  stop_wanted_ = true;
  stop_code_ = code;
  session_.wants_to_send(*this);
}

// --- What goes ---

void WebTransportStream::announce() { session_.wants_to_send(*this); }

void WebTransportStream::write(Bytes bytes) {
  if (sending_over_ || finished_ || reset_wanted_) return;
  unsent_ += as_text(bytes);
  session_.wants_to_send(*this);
}

void WebTransportStream::finish() {
  if (sending_over_ || reset_wanted_ || std::exchange(finished_, true)) return;
  session_.wants_to_send(*this);
}

void WebTransportStream::reset(uint32_t code) {
  if (sending_over_ || std::exchange(reset_wanted_, true)) return;
  reset_code_ = code;
  std::string().swap(unsent_);
  session_.wants_to_send(*this);
}

bool WebTransportStream::has_capsules() const {
  if (!announced_ || stop_wanted_ || wants_window()) return true;
  if (sending_over_) return false;
  if (reset_wanted_ || (finished_ && unsent_.empty())) return true;
  return !unsent_.empty() && sent_ < client_window_;
}

// Clients that were asked to stop don't all say that they do: it is over when they were asked. An
// end goes in a capsule of its own: there are clients that overlook it where the capsule comes
// in several pieces.
WebTransportStream::Sent WebTransportStream::append(std::string& capsules, uint64_t most) {
  if (!std::exchange(announced_, true)) append_capsule(capsules, CapsuleType::stream, {id});
  if (std::exchange(stop_wanted_, false)) {
    append_capsule(capsules, CapsuleType::stop_sending, {id, stop_code_});
    if (receiving_ == Receiving::open) receiving_ = Receiving::given_up;
  }
  if (wants_window()) {
    allowed_ = used_ + window_;
    append_capsule(capsules, CapsuleType::max_stream_data, {id, allowed_});
  }
  Sent made;
  if (sending_over_) return made;
  made.bytes = size_t(std::min({uint64_t(unsent_.size()), uint64_t(largest_piece), most,
                                client_window_ - std::min(sent_, client_window_)}));
  if (made.bytes > 0) {
    append_capsule(capsules, CapsuleType::stream, {id},
                   std::string_view(unsent_).substr(0, made.bytes));
    unsent_.erase(0, made.bytes);
    sent_ += made.bytes;
  }
  if (unsent_.empty()) std::string().swap(unsent_);
  if (reset_wanted_) {
    append_capsule(capsules, CapsuleType::reset_stream, {id, reset_code_, sent_});
    sending_over_ = true;
  } else if (finished_ && unsent_.empty()) {
    append_capsule(capsules, CapsuleType::last_of_stream, {id});
    sending_over_ = made.finished = true;
  } else if (!unsent_.empty() && sent_ >= client_window_ &&
             std::exchange(blocked_at_, client_window_) != client_window_) {
    append_capsule(capsules, CapsuleType::stream_data_blocked, {id, client_window_});
  }
  return made;
}

}  // namespace sluice::h2
