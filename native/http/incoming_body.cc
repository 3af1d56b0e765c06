#include "http/incoming_body.h"

#include <memory>
#include <utility>

#include "http/field_section.h"
#include "modules/http_core.h"
#include "proxy/exchange.h"
#include "proxy/spent_input.h"

namespace sluice::http {

IncomingBody::IncomingBody(Exchange& exchange, Stream& stream)
    : exchange_(&exchange), stream_(stream) {
  timer_.bind<&IncomingBody::on_timeout>(this);
}

bool IncomingBody::is_passed_on() const {
  return tunnel_ || (exchange_ && exchange_->body.is_passed_on());
}

void IncomingBody::on_data(std::span<const char> data) {
  if (!exchange_) return;
  if (tunnel_) {
    if (exchange_->source()) exchange_->source()->on_tunnel_data(data);
    stream_.consumed(data.size());
    return;
  }
  received_ += data.size();
  if (exchange_->body.discarded()) {
    stream_.consumed(data.size());
  } else if (received_ > exchange_->request.content_length.value_or(UINT64_MAX)) {
    fail("client intended to send body data larger than declared");
  } else if (wanted_ && early_.empty()) {
    deliver(data);
  } else {
    early_.append(data.data(), data.size());
  }
}

// Known before any of it goes on to an upstream.
void IncomingBody::on_last_data(size_t most) {
  if (!exchange_ || tunnel_ || exchange_->body.discarded()) return;
  if (received_ + most < exchange_->request.content_length.value_or(0)) cut_short();
}

void IncomingBody::deliver(std::span<const char> data) {
  wait();
  exchange_->body.on_data(data);
  stream_.consumed(data.size());
}

void IncomingBody::add_trailer(std::string_view name, std::string_view value,
                               const FieldRules& rules) {
  if (!exchange_ || tunnel_ || exchange_->body.discarded()) return;
  if (!http::add_trailer(exchange_->request, exchange_->arena, rules, name, value)) {
    fail("client sent invalid trailer");
  }
}

void IncomingBody::on_end() {
  if (std::exchange(ended_, true) || !exchange_ || exchange_->body.discarded()) return;
  if (tunnel_) {
    if (exchange_->source()) exchange_->source()->on_tunnel_end();
  } else if (received_ < exchange_->request.content_length.value_or(0)) {
    cut_short();
  } else if (wanted_ && early_.empty()) {
    tell_end();
  }
}

void IncomingBody::tell_end() {
  if (std::exchange(end_told_, true)) return;
  timer_.cancel();
  exchange_->body.on_end();
}

void IncomingBody::cut_short() {
  ended_ = true;
  if (exchange_ && !exchange_->body.discarded()) fail("client prematurely closed stream");
}

void IncomingBody::fail(const char* message) {
  stream_.note_malformed();
  exchange_->log(LogLevel::info, "%s", message);
  timer_.cancel();
  early_.clear();
  if (exchange_->head_sent() || !exchange_->body.begun()) {
    stream_.break_off();
  } else {
    exchange_->body.discard();
    exchange_->finalize(Verdict::status(400));
  }
}

void IncomingBody::wait() { timer_.set(exchange_->conf<CoreConf>().client_body_timeout); }

void IncomingBody::read(bool on) {
  wanted_ = on;
  if (!exchange_) return;
  if (!on) {
    timer_.cancel();
  } else if (tunnel_) {
    return;
  } else if (!early_.empty() || (ended_ && !end_told_)) {
    exchange_->runtime.thread.at_turn_end(*this);
  } else {
    wait();
  }
}

void IncomingBody::on_turn_end() {
  if (!exchange_ || !wanted_) return;
  if (!early_.empty()) {
    DataThread& thread = exchange_->runtime.thread;
    auto input = std::make_unique<SpentInput>(std::exchange(early_, {}));
    deliver(input->bytes);
    thread.bury(std::move(input));
  }
  if (exchange_ && wanted_ && ended_ && early_.empty()) tell_end();
}

void IncomingBody::discard() {
  stream_.consumed(std::exchange(early_, {}).size());
  timer_.cancel();
}

void IncomingBody::upgrade() {
  tunnel_ = true;
  timer_.cancel();
  if (!early_.empty()) {
    DataThread& thread = exchange_->runtime.thread;
    auto input = std::make_unique<SpentInput>(std::exchange(early_, {}));
    on_data(input->bytes);
    thread.bury(std::move(input));
  }
  if (ended_ && exchange_ && exchange_->source()) exchange_->source()->on_tunnel_end();
}

void IncomingBody::stop() {
  exchange_ = nullptr;
  timer_.cancel();
  early_.clear();
}

}  // namespace sluice::http
