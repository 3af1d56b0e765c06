// The response's way to the client.

#include <cerrno>

#include "base/clock.h"
#include "proxy/data_thread.h"
#include "proxy/upstream_exchange.h"

namespace sluice {

using Event = UpstreamCodec::Event;

void UpstreamExchange::on_upstream_data(std::span<const char> data) {
  try_->bytes_received += data.size() + (codec_ ? codec_->take_head_size() : 0);
  if (phase_ == Phase::tunnel) {
    connection_->set_timeout(conf.read_timeout);
    pass_to_client(data);
    return;
  }
  if (phase_ == Phase::head) exchange.log_action = "reading response header from upstream";
  consume({data.data(), data.size()});
}

void UpstreamExchange::consume(std::string_view input) {
  for (;;) {
    std::string_view piece;
    switch (codec_->next(input, piece)) {
      case Event::more:
        if (phase_ == Phase::body) wait_for_more();
        return;
      case Event::hints:
        if (!take_hints()) return;
        break;
      case Event::raw:
        log_refusal();
        exchange.request.version = http::Version::http09;
        exchange.keep_alive = false;
        [[fallthrough]];
      case Event::head:
        extra_ = !input.empty();
        if (!take_head()) return;
        extra_ = false;
        if (wants_upgrade && codec_->head().status == 101) {
          connection_->set_timeout(conf.read_timeout);
          begin_tunnel(input);
          return;
        }
        break;
      case Event::body:
        try_->response_length += piece.size();
        if (codec_->ended()) {
          end_response(input, piece);
          return;
        }
        if (!pipe_.write(piece, !buffering_)) return;
        break;
      case Event::end:
        end_response(input);
        return;
      case Event::unprocessed:
        log_refusal();
        retry_unprocessed();
        return;
      case Event::refused:
        log_refusal();
        if (phase_ == Phase::head) {
          next(next_upstream::invalid_header);
        } else {
          break_off();
        }
        return;
    }
  }
}

/// Whatever the request was, it can be made again: there, or elsewhere.
void UpstreamExchange::retry_unprocessed() {
  // …but for a body of which nobody has what was sent.
  request_sent_ = streaming_;
  unprocessed_ = free_retries_ > 0;
  if (unprocessed_) free_retries_--;
  next(next_upstream::error);
}

void UpstreamExchange::log_refusal() {
  std::string_view refusal = codec_->refusal();
  exchange.log(LogLevel::error, "%.*s", int(refusal.size()), refusal.data());
}

// Hints go on as long as all of them together are no longer than a head may be; and they must not
// go on for ever.
bool UpstreamExchange::take_hints() {
  const http::ResponseHead& head = codec_->head();
  http::HeaderList fields(exchange.arena);
  for (const http::Header& field : head.headers) {
    hints_size_ += field.name.size() + field.value.size() + 4;
    if (!conf.hidden.contains(field)) fields.add(field.name, field.value, field.id);
  }
  if (hints_size_ > max_hints_size) {
    exchange.log(LogLevel::error, "upstream sent too many interim responses");
    next(next_upstream::invalid_header);
    return false;
  }
  if (head.status == 103 && hints_size_ <= conf.buffer_size) exchange.send_early_hints(fields);
  return true;
}

/// The response goes on: with what comes, or once the client has taken what there is.
void UpstreamExchange::wait_for_more() {
  if (exchange.ended()) return;
  connection_->set_timeout(conf.read_timeout);
  if (begin_splice()) return;
  if (pipe_.full(buffering_)) {
    paused_ = true;
    connection_->stream().pause_reading();
    connection_->cancel_timeout();
  } else if (limit_rate_) {
    pace();
  }
}

// proxy_limit_rate: no more than so much since the response began.
void UpstreamExchange::pace() {
  uint64_t elapsed = Clock::of_thread().monotonic_ms() - try_started_ms_;
  uint64_t due = try_->response_length * 1000 / limit_rate_;
  if (due <= elapsed) return;
  connection_->stream().pause_reading();
  connection_->cancel_timeout();
  pace_timer_.set(due - elapsed);
}

void UpstreamExchange::on_pace_over() {
  if (splice_) {
    on_slow_client();
    return;
  }
  if (phase_ != Phase::body || paused_) return;
  connection_->stream().resume_reading();
  connection_->set_timeout(conf.read_timeout);
}

/// All of the response is there, though the client may not have taken all of it.
void UpstreamExchange::end_response(std::string_view rest, std::string_view last_piece) {
  if (!rest.empty()) {
    extra_ = true;
    exchange.log(LogLevel::warn,
                 codec_->head().chunked
                     ? "upstream sent data after final chunk"
                     : "upstream sent more data than specified in \"Content-Length\" header");
  }
  copy_trailers();
  end_try(reusable());
  phase_ = Phase::draining;
  if (pipe_.empty() && !exchange.blocked()) {
    end_body(last_piece);
  } else if (pipe_.write(last_piece, false)) {
    on_writable();
  }
}

/// With what is left of it: everything else has gone to the client.
void UpstreamExchange::end_body(std::string_view last_piece) {
  if (exchange.send_body({.bytes = last_piece, .last = true}).is_ok()) finish(Verdict::ok());
}

bool UpstreamExchange::reusable() const {
  return connection_ && codec_ && codec_->keeps_alive() && !extra_ && body_sent_ &&
         connection_->stream().unsent() == 0;
}

/// The response is not going to be complete. What there is of it is still sent.
void UpstreamExchange::break_off() {
  end_try(false);
  broken_off_ = true;
  phase_ = Phase::draining;
  on_writable();
}

void UpstreamExchange::on_upstream_end() {
  switch (phase_) {
    case Phase::head:
      exchange.log_action = "reading response header from upstream";
      exchange.log(LogLevel::error, "upstream prematurely closed connection");
      next(next_upstream::error);
      return;
    case Phase::body:
      if (codec_->input_ended() == Event::end) {
        end_response({});
      } else {
        exchange.log(LogLevel::error, "upstream prematurely closed connection");
        break_off();
      }
      return;
    case Phase::tunnel:
      end_tunnel();
      return;
    default:
      return;
  }
}

void UpstreamExchange::on_upstream_error(int error) {
  switch (phase_) {
    case Phase::connecting:
      fail_connecting(error);
      return;
    case Phase::head:
      if (error == EPIPE) {
        exchange.log_errno(LogLevel::error, error, "writev() failed");
      } else {
        if (body_sent_) exchange.log_action = "reading response header from upstream";
        log_failure(error, "recv() failed");
      }
      next(next_upstream::error);
      return;
    case Phase::body:
      log_failure(error, buffering_ ? "readv() failed" : "recv() failed");
      break_off();
      return;
    case Phase::tunnel:
      log_failure(error, "recv() failed");
      end_tunnel();
      return;
    default:
      return;
  }
}

void UpstreamExchange::fail_connecting(int error) {
  bool handshaking = connection_->is_handshaking();
  if (handshaking) exchange.log_action = "SSL handshaking to upstream";
  log_failure(error, handshaking ? "peer closed connection in SSL handshake" : "connect() failed");
  next(next_upstream::error);
}

/// What TLS has to say about it, or `failure` with the errno's text.
void UpstreamExchange::log_failure(int error, const char* failure) {
  std::string_view told = connection_->failure();
  if (told.empty()) {
    exchange.log_errno(LogLevel::error, error, "%s", failure);
  } else {
    exchange.log(connection_->failure_is_ours() ? LogLevel::crit : LogLevel::error, "%.*s",
                 int(told.size()), told.data());
  }
}

// --- The client ---

void UpstreamExchange::on_writable() {
  if (phase_ == Phase::tunnel) {
    connection_->stream().resume_reading();
    return;
  }
  if (splice_) {
    pump();
    return;
  }
  if (phase_ != Phase::body && phase_ != Phase::draining) return;
  if (!pipe_.drain()) return;
  if (phase_ == Phase::draining) {
    if (!pipe_.empty()) return;
    if (broken_off_) {
      finish(Verdict::fail());
    } else {
      end_body({});
    }
    return;
  }
  if (paused_ && !pipe_.full(buffering_)) {
    paused_ = false;
    connection_->stream().resume_reading();
    connection_->set_timeout(conf.read_timeout);
  }
}

bool UpstreamExchange::on_client_closed() {
  if (conf.ignore_client_abort && phase_ != Phase::tunnel) return true;
  exchange.log(LogLevel::info,
               connection_ ? "epoll_wait() reported that client prematurely closed connection, "
                             "so upstream connection is closed too"
                           : "epoll_wait() reported that client prematurely closed connection");
  return false;
}

void UpstreamExchange::on_abort() {
  if (phase_ == Phase::finished) return;
  phase_ = Phase::finished;
  end_try(false);
  if (question_) exchange.runtime.thread.forget_question(std::exchange(question_, 0));
}

}  // namespace sluice
