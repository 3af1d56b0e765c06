#include "modules/webtransport_session.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "http/join.h"
#include "modules/http_core.h"
#include "modules/http_webtransport.h"

namespace sluice {

using webtransport::News;
using webtransport::number_at;
using webtransport::Order;

namespace {

WebTransportHandledStream& handled(http::WebTransportStream& stream) {
  return *static_cast<WebTransportHandledStream*>(stream.context);
}

}  // namespace

WebTransportSession::WebTransportSession(Exchange& exchange, http::WebTransportCarrier& carrier,
                                         WebTransportChannel& channel)
    : exchange_(exchange),
      carrier_(carrier),
      channel_(channel),
      conf_(exchange.conf<WebTransportConf>()),
      number_(channel.add(*this)) {
  timer_.bind<&WebTransportSession::on_timeout>(this);
}

WebTransportSession::~WebTransportSession() { channel_.remove(number_); }

// --- The request ---

// The sizes of a stream's buffer, of the largest datagram and of their queue, whether these are
// reliable, then texts with a zero behind each: the handler's file, the client's address, names and
// values of the head.
void WebTransportSession::ask() {
  exchange_.set_source(this);
  std::string request;
  webtransport::put(request, conf_.buffer_size);
  webtransport::put(request, uint32_t(carrier_.max_datagram_size()));
  webtransport::put(request, conf_.datagram_queue);
  webtransport::put(request, carrier_.is_reliable());
  auto text = [&request](std::string_view part) { (request += part) += '\0'; };
  text(conf_.handler);
  text(exchange_.downstream.connection().remote_text);
  const http::RequestHead& head = exchange_.request;
  for (auto [name, value] : {std::pair<std::string_view, std::string_view>{":method", "CONNECT"},
                             {":protocol", "webtransport"},
                             {":scheme", "https"},
                             {":path", head.target}}) {
    text(name);
    text(value);
  }
  for (const http::Header& field : head.headers) {
    if (field.id == http::HeaderId::upgrade || field.id == http::HeaderId::connection) continue;
    text(field.id == http::HeaderId::host ? ":authority" : field.name);
    text(field.value);
  }
  channel_.put(News::session, number_, request);
  timer_.set(conf_.accept_timeout);
}

void WebTransportSession::accept(std::string_view protocol) {
  timer_.cancel();
  phase_ = Phase::open;
  http::ResponseHead& response = exchange_.response;
  response.status = 101;
  if (exchange_.request.headers.find("sec-webtransport-http3-draft02")) {
    response.headers.add("sec-webtransport-http3-draft", "draft02");
  }
  if (!protocol.empty()) {
    response.headers.add("wt-protocol", http::join(exchange_.arena, {"\"", protocol, "\""}));
  }
  exchange_.limit_rate = 0;
  Verdict verdict = exchange_.send_head();
  if (!verdict.is_ok()) {
    leave(0, "refused");
    exchange_.finalize(verdict);
    return;
  }
  response.status = 200;  // what the client got, and logs tell
  exchange_.log_action = "serving webtransport session";
  carrier_.begin(*this);
  // The client's first capsules may already be there, and may end everything.
  exchange_.downstream.upgrade();
}

void WebTransportSession::refuse(uint16_t status) {
  leave(0, "refused");
  exchange_.finalize(Verdict::status(status));
}

void WebTransportSession::on_timeout() {
  if (phase_ == Phase::asked) {
    exchange_.log(LogLevel::error, "webtransport handler \"%.*s\" takes too long to accept",
                  int(conf_.handler.size()), conf_.handler.data());
    refuse(504);
  } else {
    finish();
  }
}

// --- What the handler says ---

void WebTransportSession::on_order(Order order, uint32_t number, std::string_view payload) {
  if (phase_ == Phase::asked) {
    if (order == Order::accept) accept(payload);
    if (order == Order::refuse) refuse(uint16_t(number_at(payload, 0, 2)));
  }
  if (order == Order::log) {
    exchange_.log(LogLevel::error, "webtransport handler \"%.*s\" failed: %.*s",
                  int(conf_.handler.size()), conf_.handler.data(), int(payload.size()),
                  payload.data());
  }
  if (phase_ != Phase::open) return;
  switch (order) {
    case Order::open: {
      bool bidirectional = number_at(payload, 0, 1) == 1;
      wanted_[bidirectional]++;
      open_streams(bidirectional);
      return;
    }
    case Order::datagram:
      count_sent(payload.size());
      carrier_.send_datagram(as_bytes(payload), conf_.datagram_queue);
      return;
    case Order::drain:
      send_drain();
      return;
    case Order::close:
      close(number_at(payload), payload.substr(std::min<size_t>(payload.size(), 4)));
      return;
    default:
      break;
  }
  auto found = streams_.find(number);
  if (found == streams_.end()) {
    if (order == Order::used) use(nullptr, number_at(payload));
    return;
  }
  WebTransportHandledStream& stream = *found->second;
  http::WebTransportStream* carried = stream.carried;
  switch (order) {
    case Order::write:
      stream.write(as_bytes(payload));
      break;
    case Order::finish:
      if (carried) carried->finish();
      break;
    case Order::reset:
      if (carried) carried->reset(number_at(payload));
      break;
    case Order::stop:
      stream.stop(number_at(payload));
      break;
    case Order::used:
      use(carried, number_at(payload));
      break;
    default:
      break;
  }
}

void WebTransportSession::open_streams(bool bidirectional) {
  uint32_t& wanted = wanted_[bidirectional];
  for (; wanted > 0; --wanted) {
    http::WebTransportStream* opened = carrier_.open(bidirectional);
    if (!opened) return;
    add(*opened, bidirectional, true);
  }
}

void WebTransportSession::use(http::WebTransportStream* stream, size_t bytes) {
  bytes = std::min<uint64_t>(bytes, unused_);
  unused_ -= bytes;
  stream ? stream->consume(bytes) : carrier_.consume(bytes);
}

void WebTransportSession::count_sent(size_t bytes) {
  if (!carrier_.is_reliable()) exchange_.bytes_sent += bytes;  // else the codec counts them
  exchange_.body_bytes_sent += bytes;
}

// --- What the client does ---

WebTransportHandledStream& WebTransportSession::add(http::WebTransportStream& carried,
                                                    bool bidirectional, bool ours) {
  uint32_t number = ++last_stream_;
  if (!ours) client_streams_[bidirectional]++;
  auto way = uint8_t((bidirectional ? webtransport::bidirectional : 0) |
                     (ours ? 0 : webtransport::from_client));
  auto made = std::make_unique<WebTransportHandledStream>(*this, carried, number, way);
  return *streams_.emplace(number, std::move(made)).first->second;
}

void WebTransportSession::forget(WebTransportHandledStream& stream) {
  if (stream.way & webtransport::from_client) {
    bool bidirectional = stream.way & webtransport::bidirectional;
    client_streams_[bidirectional]--;
    carrier_.on_forgotten(bidirectional);
  }
  streams_.erase(stream.number);
}

bool WebTransportSession::on_stream(http::WebTransportStream& stream, bool bidirectional) {
  if (client_streams_[bidirectional] >= conf_.max_streams) return false;
  add(stream, bidirectional, false);
  return true;
}

void WebTransportSession::on_stream_data(http::WebTransportStream& stream,
                                         std::span<const uint8_t> bytes, bool end) {
  unused_ += bytes.size();
  handled(stream).on_data(bytes, end);
}

void WebTransportSession::on_stream_reset(http::WebTransportStream& stream, uint32_t code) {
  handled(stream).on_reset(code);
}

void WebTransportSession::on_stream_stopped(http::WebTransportStream& stream, uint32_t code) {
  handled(stream).on_stopped(code);
}

void WebTransportSession::on_stream_sent(http::WebTransportStream& stream, size_t bytes) {
  count_sent(bytes);
  handled(stream).on_sent(bytes);
}

void WebTransportSession::on_stream_finished(http::WebTransportStream& stream) {
  handled(stream).on_finished();
}

void WebTransportSession::on_stream_gone(http::WebTransportStream& stream) {
  handled(stream).on_gone();
}

void WebTransportSession::on_streams_allowed() {
  open_streams(true);
  open_streams(false);
}

void WebTransportSession::on_datagram(std::span<const uint8_t> bytes) {
  if (datagrams_.size() >= conf_.datagram_queue) return;
  datagrams_.emplace_back(as_text(bytes));
  channel_.has_news(*this);
}

bool WebTransportSession::tell(std::string& batch, size_t) {
  for (const std::string& datagram : datagrams_) {
    webtransport::put(batch, News::datagram, number_, 0, datagram);
  }
  datagrams_.clear();
  return false;
}

void WebTransportSession::on_draining() {
  if (phase_ != Phase::open) return;
  send_drain();
  channel_.put(News::draining, number_, {});
}

// --- Capsules ---

void WebTransportSession::on_tunnel_data(std::span<const char> bytes) {
  if (phase_ != Phase::open) return;  // whatever it says comes too late
  const char* error = carrier_.receive(as_bytes({bytes.data(), bytes.size()}));
  if (!error) return;
  exchange_.log(LogLevel::info, "%s", error);
  leave(0, error);
  exchange_.finalize(Verdict::fail());
}

void WebTransportSession::on_drain() {
  if (!std::exchange(client_drains_, true)) channel_.put(News::client_draining, number_, {});
}

// The answer is the end of our side.
void WebTransportSession::on_close(uint32_t code, std::string_view reason) {
  leave(code, reason);
  phase_ = Phase::closing;
  timer_.set(closing_ms);
  exchange_.send_body({.last = true, .flush = true});
}

// The end of the stream is the end of the session, with code 0.
void WebTransportSession::on_tunnel_end() {
  if (phase_ == Phase::over) return;
  if (phase_ == Phase::open) leave(0, {});
  finish();
}

void WebTransportSession::close(uint32_t code, std::string_view reason) {
  std::string payload;
  for (int shift = 24; shift >= 0; shift -= 8) payload += char(code >> shift);
  payload += reason.substr(0, http::max_close_capsule - payload.size());
  carrier_.flush();
  leave(code, reason);
  phase_ = Phase::closing;
  timer_.set(closing_ms);
  send_capsule(http::CapsuleType::close_webtransport_session, payload, true);
}

void WebTransportSession::send_drain() {
  if (std::exchange(drains_, true)) return;
  send_capsule(http::CapsuleType::drain_webtransport_session, {}, false);
}

// The codec may be on the stack, and send later: the bytes have to stay.
void WebTransportSession::send_capsule(http::CapsuleType type, std::string_view payload,
                                       bool last) {
  std::string capsule;
  http::append_capsule(capsule, type, {}, payload);
  exchange_.send_body({.bytes = exchange_.arena.copy(capsule), .last = last, .flush = true});
}

// What frames streams and datagrams is none of the session's body.
void WebTransportSession::send(std::string_view capsules) {
  uint64_t before = exchange_.body_bytes_sent;
  exchange_.send_body({.bytes = capsules, .flush = true});
  exchange_.body_bytes_sent = before;
}

bool WebTransportSession::has_room() const { return !exchange_.blocked(); }

// --- The end ---

void WebTransportSession::leave(uint32_t code, std::string_view reason) {
  if (phase_ == Phase::closing || phase_ == Phase::over) return;
  phase_ = Phase::over;
  timer_.cancel();
  for (auto at = streams_.begin(); at != streams_.end();) {
    WebTransportHandledStream& stream = *at->second;
    ++at;
    channel_.tell_all(stream);
  }
  channel_.tell_all(*this);
  channel_.put(News::closed, number_, webtransport::bytes_of(code) += reason);
  carrier_.consume(std::exchange(unused_, 0));
  carrier_.end();
  streams_.clear();
}

void WebTransportSession::finish() {
  phase_ = Phase::over;
  timer_.cancel();
  exchange_.finalize(Verdict::ok());
}

void WebTransportSession::on_abort() {
  leave(0, "connection lost");
  phase_ = Phase::over;
  timer_.cancel();
}

}  // namespace sluice
