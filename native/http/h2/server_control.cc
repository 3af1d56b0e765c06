// Frames that are no requests and no bodies: what they may cost, PRIORITY_UPDATE, and the SETTINGS
// of WebTransport.

#include "base/byte_order.h"
#include "http/h2/server_connection.h"
#include "modules/http_v2.h"
#include "modules/http_webtransport.h"
#include "proxy/exchange.h"

namespace sluice::h2 {

namespace {

/// Who grants less at a time makes us send in crumbs.
constexpr uint32_t tiny_increment = 256;

uint32_t number_at(std::string_view bytes, size_t at) {
  return uint32_t(big_endian(bytes.substr(at, 4)));
}

}  // namespace

// False: too many.
bool ServerConnection::begin_control_frame(const nghttp2_frame_hd& head) {
  bool empty = head.length == 0 && !(head.flags & NGHTTP2_FLAG_END_STREAM);
  switch (head.type) {
    case NGHTTP2_DATA:
      if (!empty) return true;
      break;
    case NGHTTP2_HEADERS:
    case NGHTTP2_CONTINUATION:
    case NGHTTP2_RST_STREAM:
    case NGHTTP2_WINDOW_UPDATE:
      return true;
    default:
      break;
  }
  priority_update_.clear();
  if (guard_.control_frame(thread_.stack().timers().now())) return true;
  calm();
  return false;
}

// RFC 9113 section 5.1.1: a request on a stream that has been, or was passed over.
bool ServerConnection::is_stale(const nghttp2_frame_hd& head) {
  return head.type == NGHTTP2_HEADERS && head.stream_id <= last_stream_id_ && !has_reset_ &&
         !stream_of(head.stream_id);
}

bool ServerConnection::take_window_update(uint32_t increment) {
  if (increment >= tiny_increment || guard_.control_frame(thread_.stack().timers().now())) {
    return true;
  }
  calm();
  return false;
}

void ServerConnection::note_reset() {
  thread_.counters.http2_resets++;
  if (!guard_.reset(thread_.stack().timers().now())) calm();
}

void ServerConnection::calm(const char* why) {
  if (failed_) return;
  thread_.counters.http2_floods++;
  log(LogLevel::info, 0, "%s", why);
  fail(NGHTTP2_ENHANCE_YOUR_CALM);
}

// RFC 9218 section 7.1.
void ServerConnection::take_priority_update(int32_t on_stream) {
  constexpr size_t id_size = 4;
  if (on_stream != 0) {
    fail(NGHTTP2_PROTOCOL_ERROR);
    return;
  }
  if (priority_update_.size() < id_size) {
    fail(NGHTTP2_FRAME_SIZE_ERROR);
    return;
  }
  int32_t id = int32_t(number_at(priority_update_, 0) & 0x7fffffff);
  if (id == 0) {
    fail(NGHTTP2_PROTOCOL_ERROR);
    return;
  }
  std::optional<http::Priority> priority =
      http::parse_priority(std::string_view(priority_update_).substr(id_size));
  if (!priority) return;
  if (id > last_stream_id_) {
    early_priorities_[next_early_priority_] = {id, *priority};
    next_early_priority_ = (next_early_priority_ + 1) % early_priorities_.size();
  } else if (ServerStream* stream = stream_of(id)) {
    stream->set_priority(*priority);
  }
}

// RFC 7540 sections 5.3.1 and 6.3. As nginx, what makes no sense ends the connection.
void ServerConnection::take_dependency(int32_t id, const nghttp2_priority_spec& said) {
  constexpr auto no_tree = nghttp2_settings_id(NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES);
  if (nghttp2_session_get_remote_settings(session_.get(), no_tree) == 1) return;
  if (id == 0 || said.stream_id == id) {
    fail(NGHTTP2_PROTOCOL_ERROR);
    return;
  }
  if (!dependencies_) dependencies_ = std::make_unique<DependencyTree>();
  dependencies_->set(
      id,
      {.on = said.stream_id, .weight = uint16_t(said.weight), .exclusive = said.exclusive != 0});
  dependencies_changed_ = true;
}

std::optional<http::Priority> ServerConnection::early_priority(int32_t id) {
  std::optional<http::Priority> found;
  for (EarlyPriority& early : early_priorities_) {
    if (early.stream != id) continue;
    found = early.priority;
    early.stream = 0;
  }
  return found;
}

void ServerConnection::offer_sessions(std::vector<nghttp2_settings_entry>& settings) {
  webtransport_ = &server().block->conf<WebTransportConf>();
  WebTransportSession::Limits limits = {webtransport_->max_streams, webtransport_->buffer_size};
  auto add = [&settings](WebTransportSetting setting, uint64_t value) {
    settings.push_back({int32_t(setting), uint32_t(std::min<uint64_t>(value, UINT32_MAX))});
  };
  add(WebTransportSetting::max_sessions, webtransport_->max_sessions);
  add(WebTransportSetting::data, limits.window());
  add(WebTransportSetting::unidirectional_stream_data, limits.stream_window);
  add(WebTransportSetting::bidirectional_stream_data, limits.stream_window);
  add(WebTransportSetting::unidirectional_streams, limits.streams);
  add(WebTransportSetting::bidirectional_streams, limits.streams);
}

}  // namespace sluice::h2
