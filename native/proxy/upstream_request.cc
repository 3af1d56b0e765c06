// The request's way to the upstream.

#include "base/clock.h"
#include "proxy/upstream_exchange.h"

namespace sluice {

void UpstreamExchange::on_connected() {
  if (phase_ == Phase::connecting) send_request();
}

void UpstreamExchange::send_request() {
  try_->connect_time = int64_t(Clock::of_thread().monotonic_ms() - try_started_ms_);
  exchange.log_action = "sending request to upstream";
  phase_ = Phase::head;
  request_sent_ = true;
  hints_size_ = 0;
  codec_ = &make_codec();
  net::Stream& stream = connection_->stream();
  size_t before = stream.unsent();
  codec_->send_head(stream);
  connection_->queued(stream.unsent() - before);
  if (streaming_) {
    stream.set_no_delay(true);
    stream_body();
    return;
  }
  bool nothing_follows = exchange.body.absent() && exchange.request.trailers.empty();
  if (sends_body && !nothing_follows) {
    const RequestBody& body = exchange.body;
    before = stream.unsent();
    if (const TempFile* file = body.file()) {
      codec_->send_file(stream, file->file(), body.size());
    } else {
      codec_->send_body(stream, body.memory());
    }
    codec_->end_body(stream, trailers());
    connection_->queued(stream.unsent() - before);
  }
  body_sent_ = true;
  await_response();
}

/// Sends on what has arrived, as long as the upstream takes it.
void UpstreamExchange::stream_body() {
  net::Stream& stream = connection_->stream();
  size_t before = stream.unsent();
  while (!stream.blocked()) {
    std::span<const char> bytes = exchange.body.take();
    bool last = exchange.body.complete() && exchange.body.memory().empty();
    codec_->send_body(stream, bytes);
    if (last) {
      codec_->end_body(stream, trailers());
      body_sent_ = true;
    }
    if (bytes.empty() || last) break;
  }
  connection_->queued(stream.unsent() - before);
  if (phase_ == Phase::head) await_response();
}

/// The request's body goes on while it comes. Once an answer has begun only where that can't cost
/// the answer, should the peer not care for the rest: in HTTP/2, as in nginx.
bool UpstreamExchange::sends_on() const {
  return streaming_ && !body_sent_ &&
         (phase_ == Phase::head || (phase_ == Phase::body && shares_connections()));
}

void UpstreamExchange::await_response() {
  net::Stream& stream = connection_->stream();
  if (body_sent_ && !stream.blocked()) {
    exchange.log_action = "reading response header from upstream";
    connection_->set_timeout(conf.read_timeout);
  } else if (stream.blocked()) {
    sent_before_ = connection_->sent();
    connection_->set_timeout(conf.send_timeout);
  } else {
    // The client is at it: client_body_timeout is what counts.
    connection_->cancel_timeout();
  }
}

void UpstreamExchange::on_body() {
  if (phase_ == Phase::idle) {
    begin();
  } else if (sends_on()) {
    if (exchange.request.chunked) {
      exchange.runtime.thread.at_turn_end(*this);
    } else {
      stream_body();
    }
  }
}

void UpstreamExchange::on_upstream_writable() {
  if (phase_ == Phase::tunnel) {
    if (client_ended_) {
      on_tunnel_end();
    } else {
      exchange.downstream.read_body(true);
    }
  } else if (sends_on()) {
    stream_body();
  } else if (phase_ == Phase::head) {
    await_response();
  }
}

void UpstreamExchange::on_upstream_timeout() {
  // A large body may be on its way: slow, but moving.
  if (phase_ == Phase::head && connection_->stream().unsent() > 0 &&
      connection_->sent() != sent_before_) {
    await_response();
    return;
  }
  if (phase_ == Phase::connecting || phase_ == Phase::head) {
    if (connection_->is_handshaking()) exchange.log_action = "SSL handshaking to upstream";
    if (body_sent_ && connection_->stream().unsent() == 0) {
      exchange.log_action = "reading response header from upstream";
    }
    next(next_upstream::timeout);
    return;
  }
  exchange.log_errno(LogLevel::error, ETIMEDOUT, "upstream timed out");
  if (phase_ == Phase::tunnel) {
    finish(Verdict::status(504));
  } else {
    break_off();
  }
}

}  // namespace sluice
