#include "http/h2/webtransport_session.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/bytes.h"

namespace sluice::h2 {

using http::append_capsule;
using http::CapsuleType;
using http::CapsuleUse;

namespace {

/// Of capsules that are numbers alone.
constexpr size_t largest_control = 4 * quic::max_varint_size;
/// Numbers of streams have two bits less than others.
constexpr uint64_t most_streams = uint64_t(1) << 60;

bool take(std::span<const uint8_t>& from, uint64_t& number) {
  return quic::VarintReader().read(from, number);
}

/// The last number of a capsule.
bool take_last(std::span<const uint8_t>& from, uint64_t& number) {
  return take(from, number) && from.empty();
}

}  // namespace

// The codes that the draft has of its own aren't assigned yet.
const WebTransportSession::Fault WebTransportSession::invalid = {NGHTTP2_PROTOCOL_ERROR,
                                                                 "client sent an invalid capsule"};
const WebTransportSession::Fault WebTransportSession::wrong_stream = {
    NGHTTP2_STREAM_CLOSED, "client sent a capsule of a stream that has no use for it"};
const WebTransportSession::Fault WebTransportSession::beyond_limit = {
    NGHTTP2_FLOW_CONTROL_ERROR, "client exceeded a limit of its webtransport session"};

WebTransportSession::WebTransportSession(Host& host, const Limits& limits,
                                         const WebTransportWindows& client, bool swapped)
    : host_(host),
      limits_(limits),
      client_(client),
      swapped_(swapped),
      allowed_(limits.window()),
      client_window_(client.data),
      allowed_streams_{limits.streams, limits.streams},
      our_limit_{client.streams[0], client.streams[1]} {}

CapsuleUse WebTransportSession::use_of(CapsuleType type, uint64_t length) {
  switch (type) {
    case CapsuleType::datagram:
      return length <= largest_datagram ? CapsuleUse::whole : CapsuleUse::skip;
    case CapsuleType::stream:
    case CapsuleType::last_of_stream:
      return length > 0 ? CapsuleUse::pieces : CapsuleUse::invalid;
    case CapsuleType::padding:
      return CapsuleUse::skip;
    default:
      break;
  }
  bool is_control =
      type >= CapsuleType::reset_stream && type <= CapsuleType::unidirectional_streams_blocked;
  if (!is_control) return http::use_of_session_capsule(type, length);
  return length <= largest_control ? CapsuleUse::whole : CapsuleUse::invalid;
}

// --- What comes ---

const char* WebTransportSession::receive(Bytes bytes) {
  using Event = http::CapsuleReader::Event;
  Event event = Event::capsule;
  while (owner_ && !fault_ && event != Event::more) {
    event = capsules_.next(bytes);
    if (event == Event::capsule) on_capsule(capsules_.type(), capsules_.payload());
    if (event == Event::piece) on_piece();
    if (event == Event::invalid) fail(invalid);
  }
  if (!fault_) return nullptr;
  host_.fail(fault_->error);
  return fault_->text;
}

void WebTransportSession::on_capsule(CapsuleType type, Bytes payload) {
  if (type == CapsuleType::datagram) {
    owner_->on_datagram(payload);
    return;
  }
  if (type < CapsuleType::padding) {
    http::tell(*owner_, type, payload);
    return;
  }
  uint64_t number = 0;
  if (!take(payload, number)) {
    fail(invalid);
    return;
  }
  switch (type) {
    case CapsuleType::reset_stream:
      on_reset_stream(number, payload);
      return;
    case CapsuleType::stop_sending:
      on_stop_sending(number, payload);
      return;
    case CapsuleType::max_stream_data:
      on_max_stream_data(number, payload);
      return;
    case CapsuleType::stream_data_blocked:
      if (take_last(payload, number)) return;
      break;
    default:
      break;
  }
  if (!payload.empty()) {
    fail(invalid);
    return;
  }
  switch (type) {
    case CapsuleType::max_data:
      on_max_data(number);
      return;
    case CapsuleType::max_bidirectional_streams:
    case CapsuleType::max_unidirectional_streams:
      on_max_streams(type == CapsuleType::max_bidirectional_streams, number);
      return;
    case CapsuleType::bidirectional_streams_blocked:
    case CapsuleType::unidirectional_streams_blocked:
      if (number > most_streams) fail(beyond_limit);
      return;
    default:
      return;  // that it is blocked we have seen coming
  }
}

// A client that has reset a stream may have had something of it on its way: it counts, and that is
// all.
void WebTransportSession::on_piece() {
  Bytes piece = capsules_.payload();
  bool ends = capsules_.ends();
  if (capsules_.begins()) named_ = false;
  if (!named_ && !(named_ = stream_number_.read(piece, current_))) {
    if (ends) fail(invalid);
    return;
  }
  WebTransportStream* stream = receiving(current_);
  if (fault_) return;
  using Reception = WebTransportStream::Reception;
  bool end = ends && capsules_.type() == CapsuleType::last_of_stream;
  Reception reception = stream ? stream->receive(piece.size(), end) : Reception::dropped;
  if (reception == Reception::over_end) {
    fail(wrong_stream);
    return;
  }
  received_ += piece.size();
  if (reception == Reception::over_window || received_ > allowed_) {
    fail(beyond_limit);
    return;
  }
  if (!stream) {
    consume(piece.size());
    return;
  }
  if (reception == Reception::dropped) {
    stream->consume(piece.size());
  } else if (!piece.empty() || end) {
    owner_->on_stream_data(*stream, piece, end);
  }
  settle(*stream);
}

// Older clients don't say how much of the stream they have sent.
void WebTransportSession::on_reset_stream(uint64_t id, Bytes rest) {
  uint64_t code = 0;
  uint64_t size = UINT64_MAX;
  if (!take(rest, code) || code > UINT32_MAX || (!rest.empty() && !take_last(rest, size))) {
    fail(invalid);
    return;
  }
  WebTransportStream* stream = receiving(id);
  if (!stream) return;
  switch (stream->on_reset(size)) {
    case WebTransportStream::Reception::wanted:
      owner_->on_stream_reset(*stream, uint32_t(code));
      break;
    case WebTransportStream::Reception::dropped:
      break;
    default:
      fail(wrong_stream);
      return;
  }
  settle(*stream);
}

void WebTransportSession::on_stop_sending(uint64_t id, Bytes rest) {
  uint64_t code = 0;
  if (!take_last(rest, code) || code > UINT32_MAX) {
    fail(invalid);
    return;
  }
  WebTransportStream* stream = sending(id);
  if (stream && stream->on_stopped(uint32_t(code))) {
    owner_->on_stream_stopped(*stream, uint32_t(code));
  }
}

void WebTransportSession::on_max_stream_data(uint64_t id, Bytes rest) {
  uint64_t most = 0;
  if (!take_last(rest, most)) {
    fail(invalid);
    return;
  }
  // There are clients that say so of all streams, those included that we send nothing on.
  if (!is_ours(id) && !WebTransportStream::is_bidirectional(id)) return;
  WebTransportStream* stream = sending(id);
  if (stream && !stream->set_client_window(most)) fail(beyond_limit);
}

void WebTransportSession::on_max_data(uint64_t most) {
  if (most < told_window_) {
    fail(beyond_limit);
    return;
  }
  told_window_ = most;
  if (most <= client_window_) return;
  bool was_full = sent_ >= client_window_;
  client_window_ = most;
  if (!was_full) return;
  for (auto& [id, stream] : streams_) {
    if (stream->has_data() && stream->has_capsules()) wants_to_send(*stream);
  }
}

void WebTransportSession::on_max_streams(bool bidirectional, uint64_t most) {
  if (most > most_streams || most < told_limit_[bidirectional]) {
    fail(beyond_limit);
    return;
  }
  told_limit_[bidirectional] = most;
  if (most <= our_limit_[bidirectional]) return;
  our_limit_[bidirectional] = most;
  owner_->on_streams_allowed();
}

// --- Streams ---

WebTransportStream* WebTransportSession::find(uint64_t id) {
  auto found = streams_.find(id);
  return found == streams_.end() ? nullptr : found->second.get();
}

WebTransportStream* WebTransportSession::receiving(uint64_t id) {
  return reach(id, true) ? find(id) : nullptr;
}

WebTransportStream* WebTransportSession::sending(uint64_t id) {
  return reach(id, false) ? find(id) : nullptr;
}

// A client that opens a stream opens all below it.
bool WebTransportSession::reach(uint64_t id, bool client_sends) {
  bool first = !client_streams_[0] && !client_streams_[1] && !our_streams_[0] && !our_streams_[1];
  if (first) swapped_ = (id & 1) != 0;
  bool ours = is_ours(id);
  bool bidirectional = WebTransportStream::is_bidirectional(id);
  uint64_t position = id >> 2;
  bool exists = !ours || position < our_streams_[bidirectional];
  if (!exists || (!bidirectional && client_sends == ours)) {
    fail(wrong_stream);
    return false;
  }
  if (ours) return true;
  if (position >= allowed_streams_[bidirectional]) {
    fail(beyond_limit);
    return false;
  }
  uint64_t& opened = client_streams_[bidirectional];
  while (opened <= position) {
    WebTransportStream& stream = add(number(opened++, bidirectional, false));
    if (owner_->on_stream(stream, bidirectional)) continue;
    stream.reset(0);
    stream.stop(0);
  }
  return true;
}

uint64_t WebTransportSession::number(uint64_t position, bool bidirectional, bool ours) const {
  return position << 2 | (bidirectional ? 0 : 2) | (ours != swapped_ ? 1 : 0);
}

WebTransportStream& WebTransportSession::add(uint64_t id) {
  uint64_t client_window = client_.stream_data[WebTransportStream::is_bidirectional(id)];
  auto made = std::make_unique<WebTransportStream>(*this, id, is_ours(id), limits_.stream_window,
                                                   client_window);
  return *streams_.emplace(id, std::move(made)).first->second;
}

void WebTransportSession::settle(WebTransportStream& stream) {
  if (!stream.is_over()) return;
  uint64_t id = stream.id;
  if (stream.context) {
    owner_->on_stream_gone(stream);
  } else if (!stream.ours) {
    on_forgotten(WebTransportStream::is_bidirectional(id));  // for nobody has known it
  }
  streams_.erase(id);
}

WebTransportStream* WebTransportSession::open(bool bidirectional) {
  uint64_t& opened = our_streams_[bidirectional];
  if (!owner_) return nullptr;
  uint64_t limit = our_limit_[bidirectional];
  if (opened >= limit) {
    streams_blocked_[bidirectional] = std::exchange(blocked_limit_[bidirectional], limit) != limit;
    if (streams_blocked_[bidirectional]) host_.produce_later();
    return nullptr;
  }
  WebTransportStream& stream = add(number(opened++, bidirectional, true));
  stream.announce();
  return &stream;
}

void WebTransportSession::consume(size_t bytes) {
  used_ += bytes;
  if (owner_ && wants_window()) host_.produce_later();
}

void WebTransportSession::on_forgotten(bool bidirectional) {
  forgotten_[bidirectional]++;
  if (owner_ && wants_streams(bidirectional)) host_.produce_later();
}

bool WebTransportSession::wants_streams(bool bidirectional) const {
  uint64_t grown = forgotten_[bidirectional] + limits_.streams - allowed_streams_[bidirectional];
  return grown >= std::max<uint64_t>(limits_.streams / 2, 1);
}

// --- What goes ---

void WebTransportSession::wants_to_send(WebTransportStream& stream) {
  if (stream.linked()) return;
  ready_.push_back(stream);
  host_.produce_later();
}

void WebTransportSession::send_datagram(Bytes bytes, size_t most) {
  if (!owner_ || bytes.size() > largest_datagram || most == 0) return;
  while (datagrams_.size() >= most) datagrams_.pop_front();
  datagrams_.emplace_back(as_text(bytes));
  host_.produce_later();
}

// Datagrams go first, for they lose their worth.
void WebTransportSession::produce() {
  while (owner_ && !fault_ && owner_->has_room()) {
    std::string capsules;
    append_limits(capsules);
    while (!datagrams_.empty() && capsules.size() < batch_size) {
      append_capsule(capsules, CapsuleType::datagram, {}, datagrams_.front());
      datagrams_.pop_front();
    }
    append_streams(capsules);
    if (capsules.empty()) return;
    owner_->send(capsules);
  }
}

void WebTransportSession::append_limits(std::string& capsules) {
  if (wants_window()) {
    allowed_ = used_ + limits_.window();
    append_capsule(capsules, CapsuleType::max_data, {allowed_});
  }
  for (bool bidirectional : {false, true}) {
    if (wants_streams(bidirectional)) {
      uint64_t& allowed = allowed_streams_[bidirectional];
      allowed = forgotten_[bidirectional] + limits_.streams;
      append_capsule(capsules,
                     bidirectional ? CapsuleType::max_bidirectional_streams
                                   : CapsuleType::max_unidirectional_streams,
                     {allowed});
    }
    if (std::exchange(streams_blocked_[bidirectional], false)) {
      append_capsule(capsules,
                     bidirectional ? CapsuleType::bidirectional_streams_blocked
                                   : CapsuleType::unidirectional_streams_blocked,
                     {our_limit_[bidirectional]});
    }
  }
}

// Streams take turns.
void WebTransportSession::append_streams(std::string& capsules) {
  while (!ready_.empty() && capsules.size() < batch_size) {
    WebTransportStream& stream = ready_.pop_front();
    uint64_t room = client_window_ - std::min(sent_, client_window_);
    auto [bytes, finished] = stream.append(capsules, room);
    sent_ += bytes;
    if (bytes > 0) owner_->on_stream_sent(stream, bytes);
    if (finished) owner_->on_stream_finished(stream);
    if (bytes > 0 && bytes < room && stream.has_capsules()) ready_.push_back(stream);
    if (stream.has_data() && sent_ >= client_window_ &&
        std::exchange(blocked_at_, client_window_) != client_window_) {
      append_capsule(capsules, CapsuleType::data_blocked, {client_window_});
    }
    settle(stream);
  }
}

void WebTransportSession::end() {
  owner_ = nullptr;
  datagrams_.clear();
  streams_.clear();
}

}  // namespace sluice::h2
