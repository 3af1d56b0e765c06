// How a request ends and the next one is waited for; how a connection ends; its time-outs.

#include <algorithm>
#include <cerrno>

#include "base/clock.h"
#include "http/h1/server_connection.h"
#include "modules/http_core.h"
#include "proxy/exchange.h"

namespace sluice::h1 {

void ServerConnection::finished(Exchange&, bool keep_alive) {
  send_timer_.cancel();
  read_timer_.cancel();
  stream_->flush();
  const CoreConf& core = exchange_->conf<CoreConf>();
  bool was_tunnel = state_ == State::tunnel;
  if (!framer_.complete() || client_closed_ || was_tunnel || thread_.draining()) keep_alive = false;
  thread_.counters.writing--;
  if (body_.ended()) body_ended_ = true;
  state_ = State::discarding;
  if (was_tunnel) {
    close();
    return;
  }
  if (!body_ended_ && core.lingering_close != CoreConf::Lingering::off && !client_closed_) {
    // Closing now would send RST, and the client might lose the answer (RFC 9112 section 9.6).
    keep_after_discard_ = keep_alive;
    linger_until_ms_ = Clock::of_thread().monotonic_ms() + core.lingering_time;
    read_timer_.set(core.lingering_timeout);
    if (!keep_alive) stream_->shutdown_write();
    stream_->set_read_size(body_read_size);
    stream_->resume_reading();
    if (!buffer_.empty()) thread_.at_turn_end(*this);
    return;
  }
  if (!body_ended_) keep_alive = false;
  end_request(keep_alive);
}

void ServerConnection::end_request(bool keep_alive) {
  const CoreConf& core = exchange_->conf<CoreConf>();
  if (!keep_alive) {
    bool unread = lost_ || !buffer_.empty();
    if (!client_closed_ && (core.lingering_close == CoreConf::Lingering::always ||
                            (core.lingering_close == CoreConf::Lingering::on && unread))) {
      linger();
    } else {
      close();
    }
    return;
  }
  if (core.tcp_nodelay && !std::exchange(no_delay_, true)) stream_->set_no_delay(true);
  wait_for_request();
}

void ServerConnection::wait_for_request() {
  const CoreConf& core = exchange_->conf<CoreConf>();
  uint32_t reserved = std::min(core.keepalive_min_timeout, core.keepalive_timeout);
  reserved_ = reserved > 0;
  keepalive_left_ms_ = core.keepalive_timeout - reserved;
  read_timer_.set(reserved_ ? reserved : keepalive_left_ms_);
  thread_.bury(std::move(exchange_));
  state_ = State::waiting;
  fresh_input_ = false;
  stream_->set_read_size(head_read_size);
  if (buffer_.empty()) {
    buffer_.shrink_to_fit();
    if (!reserved_) thread_.set_idle(*this, true);
  } else {
    thread_.at_turn_end(*this);
  }
  stream_->resume_reading();
}

void ServerConnection::linger() {
  const CoreConf& core = exchange_->conf<CoreConf>();
  state_ = State::lingering;
  buffer_.clear();
  linger_until_ms_ = Clock::of_thread().monotonic_ms() + core.lingering_time;
  read_timer_.set(core.lingering_timeout);
  stream_->shutdown_write();
  stream_->resume_reading();
}

// lingering_timeout between two reads, lingering_time in all.
bool ServerConnection::extend_lingering() {
  uint64_t now = Clock::of_thread().monotonic_ms();
  if (now >= linger_until_ms_) {
    close();
    return false;
  }
  uint64_t left = linger_until_ms_ - now;
  read_timer_.set(std::min<uint64_t>(left, exchange_->conf<CoreConf>().lingering_timeout));
  return true;
}

void ServerConnection::abort_exchange(uint16_t status) {
  if (exchange_) exchange_->abort(status);
  close();
}

void ServerConnection::close() {
  if (state_ == State::closed) return;
  if (state_ == State::head) thread_.counters.reading--;
  if (state_ == State::exchange || state_ == State::tunnel) thread_.counters.writing--;
  state_ = State::closed;
  read_timer_.cancel();
  send_timer_.cancel();
  stream_.reset();
  if (exchange_) thread_.bury(std::move(exchange_));
  thread_.remove_connection(*this);
}

void ServerConnection::drain() {
  if (state_ == State::waiting) {
    // Who has not asked anything yet is not idle: a first request may be on its way.
    if (facts_.requests > 0 && !reserved_) close();
  } else if (exchange_ && state_ == State::exchange) {
    exchange_->keep_alive = false;
  }
}

void ServerConnection::terminate() {
  if (state_ == State::exchange || state_ == State::tunnel) {
    abort_exchange(499);
  } else {
    close();
  }
}

void ServerConnection::on_read_timeout() {
  switch (state_) {
    case State::waiting:
      if (std::exchange(reserved_, false) && keepalive_left_ms_ > 0 && !thread_.draining()) {
        thread_.set_idle(*this, true);
        read_timer_.set(keepalive_left_ms_);
        return;
      }
      if (facts_.requests == 0) log_waiting(LogLevel::info, ETIMEDOUT, "client timed out");
      [[fallthrough]];
    case State::discarding:
    case State::lingering:
      close();
      return;
    case State::head:
      make_partial_exchange(buffer_);
      break;
    default:
      break;
  }
  if (!exchange_) return;
  give_up_on_client();
}

// Between two writes: one that is slow, but takes bytes, may go on.
void ServerConnection::on_send_timeout() {
  if (!exchange_ || stream_->unsent() == 0) return;
  uint64_t limit = exchange_->conf<CoreConf>().send_timeout;
  uint64_t idle = Clock::of_thread().monotonic_ms() - stream_->last_sent_ms();
  if (idle < limit) {
    send_timer_.set(limit - idle);
  } else {
    give_up_on_client();
  }
}

void ServerConnection::give_up_on_client() {
  exchange_->log_errno(LogLevel::info, ETIMEDOUT, "client timed out");
  bool reset = exchange_->conf<CoreConf>().reset_timedout_connection;
  exchange_->abort(408);
  if (reset) stream_.release()->reset();
  close();
}

// --- What is said of a connection without a request ---

const ErrorLog& ServerConnection::error_log() const {
  const CoreConf& core = initial_server(facts_).block->conf<CoreConf>();
  return *thread_.runtime().error_logs[core.error_log];
}

void ServerConnection::log_waiting(LogLevel level, int error, std::string_view text) {
  auto append_context = [](LogLine& line, const void* self) {
    const http::ConnectionFacts& facts = static_cast<const ServerConnection*>(self)->facts_;
    line.append(facts.requests > 0 ? " while keepalive" : " while waiting for request");
    line.append(", client: ");
    line.append(facts.remote_text);
    line.append(", server: ");
    line.append(facts.listen->listener);
  };
  error_log().write_errno(level, {facts_.number, append_context, this}, error, "%.*s",
                          int(text.size()), text.data());
}

void ServerConnection::log_leave() {
  if (facts_.requests == 0) {
    log_waiting(LogLevel::info, 0, "client closed connection");
  } else {
    error_log().write(LogLevel::info, {.connection = facts_.number},
                      "client %s closed keepalive connection", remote_text_.c_str());
  }
}

}  // namespace sluice::h1
