#include "http/h1/response_framer.h"

#include "base/clock.h"
#include "http/h1/chunked.h"
#include "http/h1/head_writer.h"
#include "http/status.h"
#include "modules/http_core.h"
#include "proxy/exchange.h"

namespace sluice::h1 {

void ResponseFramer::write_head(Exchange& exchange, bool no_body, net::Stream& stream) {
  http::ResponseHead& head = exchange.response;
  const CoreConf& core = exchange.conf<CoreConf>();
  bool framed = !http::is_bodiless(head.status) && exchange.request.method != http::Method::head;
  bool trailers = head.expect_trailers || !head.trailers.empty();
  if (framed && (!head.content_length || trailers)) {
    if (exchange.request.version >= http::Version::http11 && core.chunked_transfer_encoding) {
      chunked_ = true;
      head.content_length.reset();
    } else if (!head.content_length) {
      exchange.keep_alive = false;
    }
  }
  counted_ = !no_body && head.content_length.has_value();
  left_ = counted_ ? *head.content_length : 0;
  if (exchange.request.version < http::Version::http10) return;  // HTTP/0.9 has no head

  head.chunked = chunked_;
  head.keep_alive = exchange.keep_alive;
  bool dated = head.without_date || head.headers.find(http::HeaderId::date) != nullptr;
  ResponseExtras extras{
      .server = exchange.server_token(),
      .date = dated ? std::string_view() : Clock::of_thread().http_date(),
      .location = exchange.absolute_location(),
      .upgrade = head.status == 101,
      .keep_alive_timeout = core.keepalive_header,
  };
  std::span<char> room = stream.prepare(response_head_size(head, extras));
  size_t size = write_response_head(head, extras, room);
  stream.commit(size);
  exchange.bytes_sent += size;
}

void ResponseFramer::write_body(Exchange& exchange, const http::Piece& piece, net::Stream& stream) {
  uint64_t size = piece.size();
  auto put = [&](std::string_view text) {
    std::span<char> room = stream.prepare(text.size());
    std::copy(text.begin(), text.end(), room.begin());
    stream.commit(text.size());
    exchange.bytes_sent += text.size();
  };
  if (size > 0) {
    if (chunked_) {
      char line[max_chunk_size_line];
      put({line, write_chunk_size(size, line)});
    }
    if (piece.file) {
      stream.write_file(piece.file, piece.offset, piece.length);
    } else {
      stream.write(piece.bytes);
    }
    exchange.bytes_sent += size;
    if (chunked_) put(chunk_end);
    left_ -= counted_ ? size : 0;
  }
  if (!piece.last || !chunked_) return;
  const http::HeaderList& trailers = exchange.response.trailers;
  if (trailers.empty()) {
    put(last_chunk);
  } else {
    std::span<char> room = stream.prepare(trailer_size(trailers));
    size_t written = write_trailers(trailers, room);
    stream.commit(written);
    exchange.bytes_sent += written;
  }
}

}  // namespace sluice::h1
