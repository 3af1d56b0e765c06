#include "http/h3/webtransport_session.h"

#include "http/h3/server_connection.h"
#include "http/h3/webtransport.h"

namespace sluice::h3 {

WebTransportSession::WebTransportSession(WebTransport& all, int64_t stream)
    : connection_(all.connection()), all_(&all), id_(stream) {
  all.add(*this);
}

WebTransportSession::~WebTransportSession() { end(); }

size_t WebTransportSession::sessions() const { return all_ ? all_->sessions() : 0; }

void WebTransportSession::begin(http::WebTransportSession& owner) {
  owner_ = &owner;
  if (all_) all_->hand_over(*this);
}

WebTransportStream* WebTransportSession::open(bool bidirectional) {
  return all_ ? all_->open(*this, bidirectional) : nullptr;
}

void WebTransportSession::consume(size_t bytes) {
  if (all_) all_->consume(bytes);
}

// RFC 9297, 2.1: a quarter of the stream's number comes first.
void WebTransportSession::send_datagram(std::span<const uint8_t> bytes, size_t most) {
  if (!all_ || bytes.size() > max_datagram_size() || most == 0) return;
  while (datagrams_.size() >= most) datagrams_.pop_front();
  uint8_t number[quic::max_varint_size];
  uint8_t* end = quic::put_varint(number, uint64_t(id_) / 4);
  std::vector<uint8_t>& made = datagrams_.emplace_back(number, end);
  made.insert(made.end(), bytes.begin(), bytes.end());
  all_->has_datagram(*this);
}

size_t WebTransportSession::max_datagram_size() const {
  quic::Connection* transport = all_ ? all_->connection().transport() : nullptr;
  size_t most = transport ? transport->max_datagram_size() : 0;
  size_t number = quic::varint_size(uint64_t(id_) / 4);
  return most > number ? most - number : 0;
}

std::span<const uint8_t> WebTransportSession::datagram() const {
  return datagrams_.empty() ? std::span<const uint8_t>() : std::span(datagrams_.front());
}

void WebTransportSession::drop_datagram() { datagrams_.pop_front(); }

// Datagrams that are on their way still leave.
void WebTransportSession::end() {
  if (!all_) return;
  owner_ = nullptr;
  while (!streams_.empty()) streams_.front().leave();
  std::exchange(all_, nullptr)->remove(*this);
}

// RFC 9297, 3.3.
const char* WebTransportSession::receive(std::span<const uint8_t> bytes) {
  using Event = http::CapsuleReader::Event;
  Event event = Event::capsule;
  while (owner_ && (event = capsules_.next(bytes)) == Event::capsule) {
    http::tell(*owner_, capsules_.type(), capsules_.payload());
  }
  if (event != Event::invalid) return nullptr;
  if (quic::Connection* transport = connection_.transport()) {
    transport->reset_stream(id_, uint64_t(Error::datagram_error));
    transport->stop_stream(id_, uint64_t(Error::datagram_error));
  }
  return "client sent an invalid capsule";
}

}  // namespace sluice::h3
