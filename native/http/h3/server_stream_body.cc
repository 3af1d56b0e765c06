// A request's body, and how requests end.

#include <cerrno>

#include "http/h3/server_connection.h"
#include "http/h3/server_stream.h"
#include "modules/http_core.h"
#include "proxy/exchange.h"
#include "proxy/spent_input.h"

namespace sluice::h3 {

void ServerStream::on_body(Bytes data) {
  if (!exchange_) {
    consume(data.size());
    return;
  }
  std::span<const char> text(reinterpret_cast<const char*>(data.data()), data.size());
  if (tunnel_) {
    // The bytes are ngtcp2's again when this returns; who sends them on wants them a little longer.
    auto input = std::make_unique<SpentInput>(std::string(text.data(), text.size()));
    if (exchange_->source()) exchange_->source()->on_tunnel_data(input->bytes);
    connection_.thread().bury(std::move(input));
    consume(data.size());
    return;
  }
  received_ += data.size();
  if (exchange_->body.discarded()) {
    consume(data.size());
    return;
  }
  if (received_ > exchange_->request.content_length.value_or(UINT64_MAX)) {
    fail_body("client intended to send body data larger than declared");
    return;
  }
  if (body_wanted_ && early_.empty()) {
    deliver(text);
  } else {
    early_.append(text.data(), text.size());
  }
}

void ServerStream::deliver(std::span<const char> data) {
  read_timer_.set(exchange_->conf<CoreConf>().client_body_timeout);
  size_t size = data.size();
  if (exchange_->body.is_passed_on()) {
    auto input = std::make_unique<SpentInput>(std::string(data.data(), size));
    exchange_->body.on_data(input->bytes);
    connection_.thread().bury(std::move(input));
  } else {
    exchange_->body.on_data(data);
  }
  if (!closed_) consume(size);
}

void ServerStream::on_request_end() {
  if (std::exchange(request_ended_, true)) return;
  if (reading_stopped_) return;
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
  if (!exchange_ || exchange_->body.discarded()) return;
  if (tunnel_) {
    if (exchange_->source()) exchange_->source()->on_tunnel_end();
    return;
  }
  if (received_ < exchange_->request.content_length.value_or(0)) {
    fail_body("client prematurely closed stream");
    return;
  }
  if (body_wanted_ && early_.empty()) end_body();
}

void ServerStream::end_body() {
  if (std::exchange(end_told_, true)) return;
  read_timer_.cancel();
  exchange_->body.on_end();
}

// RFC 9114, 4.1.2: the request is malformed. Whoever does so again and again has us give up what
// was begun just as well as by cancelling it.
void ServerStream::fail_body(const char* message) {
  if (!exchange_) return;
  cancelled_ = true;
  exchange_->log(LogLevel::info, "%s", message);
  read_timer_.cancel();
  early_.clear();
  if (exchange_->head_sent() || !exchange_->body.begun()) {
    exchange_->abort(400);
    reset(Error::message_error);
    stop_reading(Error::message_error);
    end_exchange();
    return;
  }
  exchange_->body.discard();
  exchange_->finalize(Verdict::status(400));
}

void ServerStream::read_body(bool on) {
  body_wanted_ = on;
  if (!on) {
    read_timer_.cancel();
    return;
  }
  if (tunnel_) return;
  if (!early_.empty() || (request_ended_ && !end_told_)) {
    connection_.thread().at_turn_end(*this);
  } else {
    read_timer_.set(exchange_->conf<CoreConf>().client_body_timeout);
  }
}

void ServerStream::on_turn_end() {
  if (!exchange_ || !body_wanted_) return;
  if (!early_.empty()) {
    auto input = std::make_unique<SpentInput>(std::exchange(early_, {}));
    read_timer_.set(exchange_->conf<CoreConf>().client_body_timeout);
    exchange_->body.on_data(input->bytes);
    consume(input->bytes.size());
    connection_.thread().bury(std::move(input));
  }
  if (exchange_ && body_wanted_ && request_ended_ && early_.empty()) end_body();
}

bool ServerStream::discard_body() {
  consume(early_.size());
  early_.clear();
  read_timer_.cancel();
  return true;
}

void ServerStream::upgrade() {
  tunnel_ = true;
  read_timer_.cancel();
  std::string input = std::exchange(early_, {});
  if (!input.empty()) on_body({reinterpret_cast<const uint8_t*>(input.data()), input.size()});
  if (request_ended_ && exchange_ && exchange_->source()) exchange_->source()->on_tunnel_end();
}

// --- Time and the end ---

void ServerStream::on_read_timeout() {
  if (!exchange_) return;
  if (phase_ == Phase::head) {
    waiting_for_table_ = false;
    ListHook<StreamsBlocked>::unlink();
    connection_.qpack().cancel(id);
    connection_.tell_encoder();
  }
  give_up_on_client();
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

void ServerStream::stop_reading(Error error) {
  early_.clear();
  if (closed_ || request_ended_ || std::exchange(reading_stopped_, true)) return;
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
  if (request_ended_) return;
  request_ended_ = reading_stopped_ = true;
  if (!exchange_ || exchange_->ended()) return;
  if (phase_ == Phase::head) {
    waiting_for_table_ = false;
    ListHook<StreamsBlocked>::unlink();
    connection_.qpack().cancel(id);
    connection_.tell_encoder();
    cancelled_ = true;
    read_timer_.cancel();
    phase_ = Phase::over;
    exchange_->log(LogLevel::info, "client prematurely closed stream");
    fields_.reset();
    exchange_->reject(400);
    return;
  }
  phase_ = Phase::over;
  cancelled_ = !exchange_->head_sent();
  if (tunnel_) {
    abort(499);
  } else if (!exchange_->body.discarded()) {
    fail_body("client prematurely closed stream");
  }
}

// Writing is going on: the exchange is told when it is over.
void ServerStream::on_stopped() {
  reset_ = stopped_ = true;
  connection_.settle_later(*this);
}

void ServerStream::give_up_stopped() {
  stopped_ = false;
  cancelled_ = true;
  exchange_->log(LogLevel::info, "client canceled stream %lld", static_cast<long long>(id));
  if (!tunnel_ && exchange_->on_client_closed()) {
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
  if (tunnel_ || !exchange_->on_client_closed()) abort(499);
}

void ServerStream::abort(uint16_t status) {
  if (!exchange_) return;
  exchange_->abort(status);
  end_exchange();
}

}  // namespace sluice::h3
