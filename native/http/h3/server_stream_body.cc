// A request's body, and how requests end.

#include <cerrno>

#include "http/h3/server_connection.h"
#include "http/h3/server_stream.h"
#include "modules/http_core.h"
#include "proxy/exchange.h"
#include "proxy/spent_input.h"

namespace sluice::h3 {

void ServerStream::on_body(Bytes data) {
  std::span<const char> text(reinterpret_cast<const char*>(data.data()), data.size());
  if (!exchange_) {
    consumed(data.size());
  } else if (body_.is_passed_on()) {
    // The bytes are ngtcp2's again when this returns; who sends them on wants them a little longer.
    auto input = std::make_unique<SpentInput>(std::string(text.data(), text.size()));
    body_.on_data(input->bytes);
    connection_.thread().bury(std::move(input));
  } else {
    body_.on_data(text);
  }
}

void ServerStream::on_request_end() {
  if (body_.ended() || reading_stopped_) return;
  if (phase_ == Phase::head) {
    if (connection_.speaks_hq() && !held_.empty()) {
      on_hq_request({reinterpret_cast<const char*>(held_.data()), held_.size()});
    } else if (exchange_) {
      connection_.close(Error::request_incomplete, "request incomplete");
    }
    return;
  }
  if (!connection_.speaks_hq() && !frames_.between_frames()) {
    connection_.close(Error::frame_error, "incomplete frame");
    return;
  }
  phase_ = Phase::over;
  body_.on_end();
}

void ServerStream::break_off() {
  exchange_->abort(400);
  reset(Error::message_error);
  stop_reading(Error::message_error);
  end_exchange();
}

bool ServerStream::discard_body() {
  body_.discard();
  return true;
}

// --- Time and the end ---

void ServerStream::on_head_timeout() {
  if (exchange_) give_up_on_client();
}

void ServerStream::on_send_timeout() {
  if (exchange_ && unsent() > 0) give_up_on_client();
}

void ServerStream::give_up_on_client() {
  exchange_->log_errno(LogLevel::info, ETIMEDOUT, "client timed out");
  exchange_->abort(408);
  reset(Error::request_rejected);
  stop_reading(Error::request_rejected);
  end_exchange();
}

void ServerStream::stop_waiting_for_table() {
  if (!std::exchange(waiting_for_table_, false)) return;
  ListHook<StreamsBlocked>::unlink();
  size_t unread = std::exchange(held_, {}).size() - held_section_;
  if (quic::Connection* transport = connection_.transport()) transport->consume(unread);
}

void ServerStream::stop_reading(Error error) {
  if (closed_ || body_.ended() || std::exchange(reading_stopped_, true)) return;
  stop_waiting_for_table();
  if (quic::Connection* transport = connection_.transport()) {
    transport->stop_stream(id, uint64_t(error));
    // Nothing that may still come of it will be looked up (RFC 9204, 2.2.2.2).
    if (!connection_.speaks_hq()) {
      connection_.qpack().cancel(id);
      connection_.tell_encoder();
    }
  }
}

void ServerStream::on_reset() {
  if (body_.ended()) return;
  stop_waiting_for_table();
  reading_stopped_ = true;
  if (!exchange_ || exchange_->ended()) return;
  if (phase_ == Phase::head) {
    connection_.qpack().cancel(id);
    connection_.tell_encoder();
    cancelled_ = true;
    head_timer_.cancel();
    phase_ = Phase::over;
    exchange_->log(LogLevel::info, "client prematurely closed stream");
    fields_.reset();
    exchange_->reject(400);
    return;
  }
  phase_ = Phase::over;
  cancelled_ = !exchange_->head_sent();
  if (body_.is_tunnel()) {
    abort(499);
  } else {
    body_.cut_short();
  }
}

// The exchange is told when what is going on, be it reading or writing, is over.
void ServerStream::on_stopped() {
  if (std::exchange(reset_, true)) return;
  stopped_ = true;
  connection_.settle_later(*this);
}

void ServerStream::give_up_stopped() {
  stopped_ = false;
  cancelled_ = true;
  exchange_->log(LogLevel::info, "client canceled stream %lld", static_cast<long long>(id));
  if (!body_.is_tunnel() && exchange_->on_client_closed()) {
    exchange_->on_writable();
    return;
  }
  stop_reading(Error::request_cancelled);
  abort(499);
}

void ServerStream::on_closed() {
  if (closed_) return;
  bool whole = last_given_ && buffer.unsent() == 0 && !reset_;
  closed_ = true;
  buffer.clear();
  if (exchange_ && !exchange_->ended()) {
    if (whole) {
      connection_.settle_later(*this);
      return;
    }
    cancelled_ = true;
    exchange_->log(LogLevel::info, "client canceled stream %lld", static_cast<long long>(id));
  }
  on_connection_lost();
}

void ServerStream::on_connection_lost() {
  closed_ = true;
  ListHook<StreamsReady>::unlink();
  ListHook<StreamsBlocked>::unlink();
  if (!exchange_ || exchange_->ended()) {
    leave();
    return;
  }
  if (!body_.is_tunnel() && exchange_->on_client_closed()) {
    exchange_->on_writable();  // nothing holds it up any more
  } else {
    abort(499);
  }
}

void ServerStream::abort(uint16_t status) {
  if (!exchange_) return;
  exchange_->abort(status);
  end_exchange();
}

}  // namespace sluice::h3
