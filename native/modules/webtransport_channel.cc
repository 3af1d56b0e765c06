#include "modules/webtransport_channel.h"

#include "modules/webtransport_session.h"

namespace sluice {

using webtransport::Message;
using webtransport::News;
using webtransport::Order;

namespace {

constexpr std::string_view topic = "webtransport";

}  // namespace

WebTransportChannel::WebTransportChannel(DataThread& thread) : thread_(thread) {
  retry_.bind<&WebTransportChannel::send_later>(this);
  thread.on_news(
      topic,
      [](void* self, std::string_view orders) {
        static_cast<WebTransportChannel*>(self)->on_orders(orders);
      },
      this);
}

uint32_t WebTransportChannel::add(WebTransportSession& session) {
  sessions_.emplace(++last_session_, &session);
  return last_session_;
}

void WebTransportChannel::remove(uint32_t session) { sessions_.erase(session); }

void WebTransportChannel::has_news(Source& source) {
  if (!source.linked()) sources_.push_back(source);
  send_later();
}

void WebTransportChannel::tell_all(Source& source) {
  source.unlink();
  while (source.tell(batch_, SIZE_MAX)) continue;
}

void WebTransportChannel::put(News kind, uint32_t session, std::string_view payload) {
  webtransport::put(batch_, kind, session, 0, payload);
  send_later();
}

void WebTransportChannel::send_later() {
  if (!under_way_) thread_.at_turn_end(*this);
}

void WebTransportChannel::on_turn_end() {
  if (under_way_) return;
  while (!sources_.empty() && batch_.size() < batch_size) {
    Source& source = sources_.pop_front();
    if (source.tell(batch_, batch_size - batch_.size())) sources_.push_back(source);
  }
  if (batch_.empty()) return;
  under_way_ = thread_.tell(topic, batch_);
  if (!under_way_) {
    retry_.set(retry_ms);
    return;
  }
  batch_.clear();
  if (batch_.capacity() > 2 * batch_size) batch_.shrink_to_fit();
}

void WebTransportChannel::on_orders(std::string_view orders) {
  Message message;
  while (webtransport::take(orders, message)) {
    if (Order(message.kind) == Order::taken) {
      under_way_ = false;
      send_later();
      continue;
    }
    auto found = sessions_.find(message.session);
    if (found != sessions_.end()) {
      found->second->on_order(Order(message.kind), message.stream, message.payload);
    }
  }
}

}  // namespace sluice
