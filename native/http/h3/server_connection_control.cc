// What isn't a request: the control stream, and QPACK's (RFC 9114, 6.2).

#include <algorithm>

#include "base/bytes.h"
#include "http/h3/server_connection.h"
#include "http/h3/webtransport.h"
#include "modules/http_core.h"
#include "modules/http_v3.h"

namespace sluice::h3 {

namespace {

/// Of a frame on the control stream that is looked at; longer ones make no sense.
constexpr size_t max_control_payload = 4096;

/// A varint that must be all there.
bool take(std::span<const uint8_t>& from, uint64_t& value) {
  quic::VarintReader reader;
  return reader.read(from, value);
}

}  // namespace

// --- Ours ---

void ServerConnection::send_settings() {
  const ConnectionConf& limits = server_->connection;
  webtransport_ = WebTransport::create(*this);
  uint64_t sessions = webtransport_ ? webtransport_->max_sessions() : 0;
  const std::pair<Setting, uint64_t> settings[] = {
      {Setting::qpack_max_table_capacity, conf().max_table_capacity},
      {Setting::qpack_blocked_streams, conf().max_blocked_streams},
      {Setting::max_field_section_size,
       uint64_t{limits.large_buffer_count} * limits.large_buffer_size},
      {Setting::enable_connect_protocol, 1},
      {Setting::datagram, sessions > 0},
      {Setting::enable_webtransport, sessions > 0},
      {Setting::webtransport_max_sessions, sessions},
  };
  uint8_t payload[std::size(settings) * 2 * quic::max_varint_size];
  uint8_t* end = payload;
  for (const auto& [setting, value] : settings) {
    if (value == 0) continue;  // the default, where it can be 0
    end = quic::put_varint(quic::put_varint(end, uint64_t(setting)), value);
  }
  uint8_t head[1 + max_frame_head_size] = {uint8_t(StreamType::control)};
  uint8_t* head_end = put_frame_head(head + 1, FrameType::settings, uint64_t(end - payload));
  control_.id = transport_->open_stream();
  qpack_encoder_.id = transport_->open_stream();
  qpack_decoder_.id = transport_->open_stream();
  if (qpack_decoder_.id < 0) {
    close(Error::general_protocol_error, "client allows too few streams");
    return;
  }
  control_.buffer.write({head, head_end});
  control_.buffer.write({payload, end});
  constexpr uint8_t encoder[] = {uint8_t(StreamType::qpack_encoder)};
  constexpr uint8_t decoder[] = {uint8_t(StreamType::qpack_decoder)};
  qpack_encoder_.buffer.write(encoder);
  qpack_decoder_.buffer.write(decoder);
  for (SendingStream* stream : {&qpack_decoder_, &qpack_encoder_, &control_}) ready(*stream);
}

// RFC 9114, 5.2: no request above that stream will be answered.
void ServerConnection::send_goaway() {
  if (std::exchange(going_away_, true) || hq_ || !transport_ || control_.id < 0) return;
  uint64_t stream = uint64_t(next_request_);
  uint8_t frame[max_frame_head_size + quic::max_varint_size];
  uint8_t* end = put_frame_head(frame, FrameType::goaway, quic::varint_size(stream));
  end = quic::put_varint(end, stream);
  control_.buffer.write({frame, end});
  ready(control_);
}

QpackDecoder& ServerConnection::qpack() {
  if (!qpack_) {
    const V3Conf& limits = conf();
    qpack_ = std::make_unique<QpackDecoder>(limits.max_table_capacity, limits.max_blocked_streams);
  }
  return *qpack_;
}

void ServerConnection::tell_encoder() {
  if (!transport_ || qpack_decoder_.id < 0) return;
  qpack().write_decoder(qpack_decoder_.buffer);
  ready(qpack_decoder_);
}

bool ServerConnection::wait_for_table(ServerStream& stream) {
  size_t count = 0;
  for (auto at = blocked_.begin(); at != blocked_.end(); ++at) ++count;
  if (count >= conf().max_blocked_streams) return false;
  blocked_.push_back(stream);
  return true;
}

// --- The client's ---

void ServerConnection::on_unidirectional(int64_t id, std::span<const uint8_t> bytes, bool end) {
  if (webtransport_ && webtransport_->on_data(id, bytes, end)) return;
  ClientStream& stream = client_streams_[id];
  const size_t size = bytes.size();
  bool begins = !stream.known && stream.type_reader.read(bytes, stream.type);
  if (begins && webtransport_ && stream.type == uint64_t(StreamType::webtransport)) {
    transport_->consume(id, size - bytes.size());
    client_streams_.erase(id);
    webtransport_->begin(id, bytes, end);
    return;
  }
  transport_->consume(id, size);
  overhead_ += size;
  if (overhead_ > tolerated_overhead + overhead_per_request * facts_.requests) {
    end_flood();
    return;
  }
  if (!stream.known) {
    if (!begins) return;
    stream.known = true;
    if (!begin_unidirectional(id, stream)) return;
  }
  if (stream.ignored) return;
  if (end) {
    close(Error::closed_critical_stream, "client closed critical stream");
    return;
  }
  switch (StreamType(stream.type)) {
    case StreamType::control:
      read_control(bytes);
      break;
    case StreamType::qpack_encoder:
      read_encoder(bytes);
      break;
    case StreamType::qpack_decoder:
      if (decoder_stream_.read(bytes)) break;
      close(Error::qpack_decoder_stream_error, "stream error");
      break;
    case StreamType::push:
    case StreamType::webtransport:
      break;
  }
}

bool ServerConnection::begin_unidirectional(int64_t id, ClientStream& stream) {
  bool critical = stream.type == uint64_t(StreamType::control) ||
                  stream.type == uint64_t(StreamType::qpack_encoder) ||
                  stream.type == uint64_t(StreamType::qpack_decoder);
  if (critical && !hq_) {
    int64_t& known = critical_[stream.type];
    if (known < 0) {
      known = id;
      return true;
    }
    close(Error::stream_creation_error, "client opened a second stream of a kind");
    return false;
  }
  if (stream.type == uint64_t(StreamType::push)) {
    close(Error::stream_creation_error, "client opened a push stream");
    return false;
  }
  // RFC 9114, 9: an extension that we don't know.
  stream.ignored = true;
  transport_->stop_stream(id, uint64_t(Error::stream_creation_error));
  return true;
}

void ServerConnection::read_encoder(std::span<const uint8_t> bytes) {
  if (!qpack().read_encoder(bytes)) {
    close(Error::qpack_encoder_stream_error, "stream error");
    return;
  }
  // As nginx: a field that no buffer holds ends the connection.
  if (!encoder_stream_.read(bytes, server_->connection.large_buffer_size)) {
    close(Error::excessive_load, "stream error");
    return;
  }
  IntrusiveList<ServerStream, StreamsBlocked> waiting;
  waiting.splice(blocked_);
  while (!waiting.empty()) waiting.pop_front().on_table_grown();
  tell_encoder();
}

void ServerConnection::read_control(std::span<const uint8_t> bytes) {
  std::span<const uint8_t> payload;
  while (true) {
    switch (control_frames_.next(bytes, payload)) {
      case FrameReader::Event::more:
        return;
      case FrameReader::Event::begin:
        control_payload_.clear();
        if (!begin_control_frame()) return;
        break;
      case FrameReader::Event::payload:
        if (control_payload_.size() + payload.size() <= max_control_payload) {
          control_payload_.append(payload.begin(), payload.end());
        }
        break;
      case FrameReader::Event::end:
        if (!end_control_frame()) return;
        break;
    }
  }
}

// RFC 9114, 7.2.4: SETTINGS first, and once.
bool ServerConnection::begin_control_frame() {
  bool settings = control_frames_.is(FrameType::settings);
  if (!settings_received_ && !settings) {
    close(Error::missing_settings, "client sent no settings");
    return false;
  }
  bool misplaced = (settings && std::exchange(settings_received_, true)) ||
                   control_frames_.is(FrameType::data) || control_frames_.is(FrameType::headers) ||
                   control_frames_.is(FrameType::push_promise) ||
                   is_forbidden(control_frames_.type());
  if (misplaced) {
    close(Error::frame_unexpected, "unexpected frame");
    return false;
  }
  if (settings && control_frames_.length() > max_control_payload) {
    close(Error::excessive_load, "client sent too many settings");
    return false;
  }
  return true;
}

bool ServerConnection::end_control_frame() {
  std::span<const uint8_t> payload = as_bytes(control_payload_);
  uint64_t number = 0;
  switch (FrameType(control_frames_.type())) {
    case FrameType::settings:
      return read_settings(payload);
    case FrameType::goaway:
    case FrameType::max_push_id:
      if (take(payload, number) && payload.empty()) return true;
      close(Error::frame_error, "frame error");
      return false;
    case FrameType::cancel_push:
      // Nothing was pushed.
      close(Error::id_error, "client cancelled a push");
      return false;
    case FrameType::priority_update:
      update_priority(payload);
      return true;
    default:
      return true;
  }
}

bool ServerConnection::read_settings(std::span<const uint8_t> payload) {
  uint64_t seen = 0;
  while (!payload.empty()) {
    uint64_t setting = 0, value = 0;
    if (!take(payload, setting) || !take(payload, value)) {
      close(Error::frame_error, "frame error");
      return false;
    }
    // Those of HTTP/2 are reserved (RFC 9114, 11.2.2), and none may come twice.
    bool wrong = setting >= 2 && setting <= 5;
    if (setting < 64) {
      wrong |= (seen >> setting & 1) != 0;
      seen |= uint64_t{1} << setting;
    }
    if (setting == uint64_t(Setting::enable_connect_protocol)) wrong |= value > 1;
    if (!wrong) continue;
    close(Error::settings_error, "client sent invalid settings");
    return false;
  }
  return true;
}

// RFC 9218, 7.2. For a stream that is to come it is forgotten.
void ServerConnection::update_priority(std::span<const uint8_t> payload) {
  uint64_t id = 0;
  if (!take(payload, id)) return;
  auto found = streams_.find(int64_t(id));
  if (found == streams_.end()) return;
  ServerStream& stream = *found->second;
  bool queued = stream.ListHook<StreamsReady>::linked();
  stream.ListHook<StreamsReady>::unlink();
  stream.set_priority({reinterpret_cast<const char*>(payload.data()), payload.size()});
  if (queued) ready(stream);
}

}  // namespace sluice::h3
