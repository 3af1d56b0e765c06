// The connection as its exchange sees it: http::Downstream.

#include "http/h1/head_writer.h"
#include "http/h1/server_connection.h"
#include "modules/http_core.h"
#include "proxy/exchange.h"

namespace sluice::h1 {

void ServerConnection::send_informational(uint16_t status, const http::HeaderList& headers) {
  std::span<char> room = stream_->prepare(interim_head_size(status, headers));
  size_t size = write_interim_head(status, headers, room);
  stream_->commit(size);
  exchange_->bytes_sent += size;
}

void ServerConnection::send_head(Exchange& exchange, bool no_body) {
  if (client_closed_) exchange.keep_alive = false;
  framer_.write_head(exchange, no_body, *stream_);
  watch_sending();
}

void ServerConnection::send_body(const http::Piece& piece) {
  if (state_ == State::tunnel) {
    stream_->write(piece.bytes);
    exchange_->bytes_sent += piece.bytes.size();
  } else {
    framer_.write_body(*exchange_, piece, *stream_);
  }
  watch_sending();
}

void ServerConnection::watch_sending() {
  if (!send_timer_.active()) send_timer_.set(exchange_->conf<CoreConf>().send_timeout);
}

void ServerConnection::flush() {
  if (state_ == State::exchange && framer_.complete() && !exchange_->keep_alive &&
      !exchange_->outlives_response()) {
    stream_->end_writing();
  }
  stream_->flush();
}

size_t ServerConnection::unsent() const { return stream_->unsent(); }

int ServerConnection::direct_descriptor() {
  bool plain = state_ == State::exchange && framer_.is_plain() && stream_->unsent() == 0;
  return plain ? stream_->kernel_descriptor() : -1;
}

void ServerConnection::sent_directly(uint64_t bytes) {
  framer_.skip(bytes);
  exchange_->bytes_sent += bytes;
}

void ServerConnection::on_writable() {
  if (exchange_) {
    send_timer_.set(exchange_->conf<CoreConf>().send_timeout);
    exchange_->on_writable();
  }
}

void ServerConnection::read_body(bool on) {
  if (state_ == State::tunnel) {
    on ? stream_->resume_reading() : stream_->pause_reading();
    return;
  }
  if (body_wanted_ == on && !(on && !buffer_.empty())) return;
  body_wanted_ = on;
  if (!on) {
    read_timer_.cancel();
    if (!body_ended_) stream_->pause_reading();
    return;
  }
  stream_->set_read_size(body_read_size);
  // Of a body that has come to its end there is nothing left that would announce it.
  if (!buffer_.empty() || body_.ended()) thread_.at_turn_end(*this);
  stream_->resume_reading();
  read_timer_.set(exchange_->conf<CoreConf>().client_body_timeout);
}

void ServerConnection::upgrade() {
  state_ = State::tunnel;
  stream_->set_read_size(body_read_size);
  if (!buffer_.empty()) thread_.at_turn_end(*this);
  stream_->resume_reading();
}

}  // namespace sluice::h1
