// The stream as its exchange sees it: http::Downstream's way out.

#include <algorithm>

#include "base/bytes.h"
#include "http/h3/server_connection.h"
#include "http/h3/server_stream.h"
#include "http/response_section.h"
#include "modules/http_core.h"
#include "proxy/exchange.h"

namespace sluice::h3 {

namespace {

constexpr size_t low_mark = 16 * 1024;

http::Section& fresh_section() {
  static thread_local http::Section section;
  section.clear();
  return section;
}

}  // namespace

void ServerStream::send_informational(uint16_t status, const http::HeaderList& headers) {
  if (closed_ || reset_ || exchange_->head_sent() || connection_.speaks_hq()) return;
  http::Section& section = fresh_section();
  http::append_interim_head(status, headers, exchange_->arena, section);
  exchange_->bytes_sent += write_headers(section, id, buffer);
  output();
}

void ServerStream::send_head(Exchange& exchange, bool no_body) {
  if (closed_ || reset_) return;
  http::ResponseHead& head = exchange.response;
  if (opens_session_ && !session_ && head.status / 100 == 2) {
    // A client would take it for a session that is open.
    head.status = 501;
    head.content_length.reset();
    no_body = true;
  }
  bool trailers = head.expect_trailers || !head.trailers.empty();
  bool bodiless = no_body || (head.content_length == 0u && !trailers);
  bool opens_tunnel = extended_ && head.status == 101;
  if (opens_tunnel) bodiless = false;
  counted_ = !bodiless && head.content_length && !trailers;
  left_ = counted_ ? *head.content_length : 0;
  // RFC 9218, 8: who answers may know better.
  if (const http::Header* field = head.headers.find(http::HeaderId::priority)) {
    set_priority(field->value, priority);
  }
  if (!connection_.speaks_hq()) {
    http::Section& section = fresh_section();
    http::append_response_head(exchange, extended_, section);
    exchange.bytes_sent += write_headers(section, id, buffer);
  }
  last_given_ = bodiless;
  if (bodiless) buffer.finish();
  output();
}

void ServerStream::write_data_head(uint64_t size) {
  if (connection_.speaks_hq()) return;
  uint8_t head[max_frame_head_size];
  uint8_t* end = put_frame_head(head, FrameType::data, size);
  buffer.write({head, end});
  exchange_->bytes_sent += uint64_t(end - head);
}

void ServerStream::send_body(const http::Piece& piece) {
  if (closed_ || reset_ || last_given_) return;
  uint64_t size = piece.size();
  if (size > 0) {
    write_data_head(size);
    if (piece.file) {
      buffer.write_file(piece.file, piece.offset, piece.length);
    } else {
      buffer.write(as_bytes({piece.bytes.data(), piece.bytes.size()}));
    }
    exchange_->bytes_sent += size;
  }
  if (counted_) left_ -= std::min(left_, size);
  // A body that is shorter than was promised must not look complete: finished() sees to it.
  last_given_ = counted_ ? left_ == 0 : piece.last;
  if (last_given_) {
    const http::HeaderList& trailers = exchange_->response.trailers;
    if (!trailers.empty() && !connection_.speaks_hq()) {
      http::Section& section = fresh_section();
      http::append_trailers(trailers, exchange_->arena, section);
      if (!section.empty()) exchange_->bytes_sent += write_headers(section, id, buffer);
    }
    buffer.finish();
  }
  if (size > 0 || last_given_) output();
}

void ServerStream::output() {
  if (closed_ || reset_) return;
  connection_.ready(*this);
  waiting_ = true;
  if (!send_timer_.active()) send_timer_.set(exchange_->conf<CoreConf>().send_timeout);
}

http::WebTransportCarrier* ServerStream::webtransport() {
  WebTransport* all = connection_.webtransport();
  if (!all || !opens_session_ || closed_) return nullptr;
  if (!session_) session_ = std::make_unique<WebTransportSession>(*all, id);
  return session_.get();
}

// What was written is in the stream's own buffer.
void ServerStream::flush() {}

size_t ServerStream::unsent() const {
  return closed_ || reset_ ? 0 : buffer.unsent() + (buffer.ready() ? 1 : 0);
}

void ServerStream::note_sent(size_t bytes) {
  if (bytes > 0 || !buffer.ready()) progressed_ = true;
  connection_.settle_later(*this);
}

void ServerStream::note_acknowledged(uint64_t) {
  if (awaits_end_ && buffer.delivered()) stop_reading(Error::none);
}

void ServerStream::settle() {
  if (!exchange_ || exchange_->ended()) {
    if (closed_) leave();
    return;
  }
  if (stopped_) {
    give_up_stopped();
    return;
  }
  bool progressed = std::exchange(progressed_, false) || closed_;
  if (unsent() == 0) {
    send_timer_.cancel();
  } else if (progressed) {
    send_timer_.set(exchange_->conf<CoreConf>().send_timeout);
  }
  if (!progressed || !waiting_ || unsent() > low_mark) return;
  waiting_ = unsent() > 0;
  exchange_->on_writable();
}

void ServerStream::reset(Error error) {
  if (closed_ || std::exchange(reset_, true)) return;
  ListHook<StreamsReady>::unlink();
  if (quic::Connection* transport = connection_.transport()) {
    transport->reset_stream(id, uint64_t(error));
  }
}

void ServerStream::finished(Exchange& exchange, bool) {
  if (!closed_ && !reset_) {
    if (body_.is_tunnel() && !last_given_) {
      last_given_ = true;
      buffer.finish();
      connection_.ready(*this);
    } else if (!last_given_) {
      reset(Error::internal_error);
    }
    // The answer doesn't need the rest of the request (RFC 9114, 4.1). Where nothing but its end is
    // missing, that is on its way: there are clients that take STOP_SENDING for a failure.
    awaits_end_ =
        !reset_ && body_.received() == 0 && exchange.request.content_length.value_or(0) == 0;
    if (!awaits_end_) stop_reading(Error::none);
  }
  end_exchange();
}

void ServerStream::end_exchange() {
  head_timer_.cancel();
  send_timer_.cancel();
  body_.stop();
  connection_.thread().counters.writing--;
  connection_.thread().bury(std::move(exchange_));
  if (closed_) {
    leave();
  } else {
    connection_.linger();
  }
}

void ServerStream::leave() {
  head_timer_.cancel();
  send_timer_.cancel();
  if (exchange_) {
    body_.stop();
    connection_.thread().counters.writing--;
    connection_.thread().bury(std::move(exchange_));
  }
  connection_.remove(*this);
}

}  // namespace sluice::h3
