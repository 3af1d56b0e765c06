#include "modules/webtransport_handled_stream.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "modules/http_webtransport.h"
#include "modules/webtransport_session.h"

namespace sluice {

using webtransport::bytes_of;
using webtransport::News;

WebTransportHandledStream::WebTransportHandledStream(WebTransportSession& session,
                                                     http::WebTransportStream& stream,
                                                     uint32_t stream_number, uint8_t stream_way)
    : number(stream_number), way(stream_way), carried(&stream), session_(session) {
  stream.context = this;
  has_news();
}

void WebTransportHandledStream::has_news() { session_.channel().has_news(*this); }

void WebTransportHandledStream::on_data(std::span<const uint8_t> bytes, bool end) {
  if (end_ != End::none) {
    session_.use(carried, bytes.size());
    return;
  }
  received_ += as_text(bytes);
  if (end) end_ = End::ended;
  has_news();
}

void WebTransportHandledStream::on_reset(uint32_t code) {
  if (end_ == End::told || end_ == End::reset) return;
  end_ = End::reset;
  code_ = code;
  has_news();
}

void WebTransportHandledStream::on_stopped(uint32_t code) {
  stopped_ = code;
  has_news();
}

// Not for every packet: when it is worth while, or the handler may be waiting for nothing else.
void WebTransportHandledStream::on_sent(size_t bytes) {
  unsent_ -= std::min(unsent_, bytes);
  room_ += uint32_t(bytes);
  if (unsent_ == 0 || room_ * 4 >= session_.conf().buffer_size) has_news();
}

void WebTransportHandledStream::on_finished() {
  finished_ = true;
  has_news();
}

void WebTransportHandledStream::on_gone() {
  carried = nullptr;
  gone_ = true;
  has_news();
}

void WebTransportHandledStream::write(std::span<const uint8_t> bytes) {
  if (!carried) return;
  unsent_ += bytes.size();
  carried->write(bytes);
}

void WebTransportHandledStream::stop(uint32_t code) {
  session_.use(carried, std::exchange(received_, {}).size());
  end_ = End::told;
  if (carried) carried->stop(code);
  has_news();
}

bool WebTransportHandledStream::tell(std::string& batch, size_t most) {
  const uint32_t session = session_.number();
  auto put = [&](News kind, std::string_view payload) {
    webtransport::put(batch, kind, session, number, payload);
  };
  if (!std::exchange(opened_told_, true))
    put(News::opened, {reinterpret_cast<const char*>(&way), 1});
  size_t size = std::min(received_.size(), std::max<size_t>(most, 1));
  if (size > 0) put(News::data, std::string_view(received_).substr(0, size));
  received_.erase(0, size);
  if (received_.empty()) {
    if (received_.capacity() > 0) std::string().swap(received_);
    if (end_ == End::ended) put(News::end, {});
    if (end_ == End::reset) put(News::reset, bytes_of(code_));
    if (end_ != End::none) end_ = End::told;
  }
  if (room_ > 0 && !gone_) put(News::room, bytes_of(std::exchange(room_, 0)));
  if (stopped_) put(News::stopped, bytes_of(*stopped_));
  stopped_.reset();
  if (std::exchange(finished_, false)) put(News::finished, {});
  if (!received_.empty()) return true;
  if (gone_) {
    put(News::gone, {});
    session_.forget(*this);  // this object is no more
  }
  return false;
}

}  // namespace sluice
