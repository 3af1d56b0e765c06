#include "http/h3/server_connection.h"

#include "base/clock.h"
#include "http/h3/webtransport.h"
#include "modules/http_core.h"
#include "modules/http_ssl.h"
#include "modules/http_v3.h"
#include "proxy/exchange.h"

namespace sluice::h3 {

namespace {

constexpr unsigned char h3_protocol[] = "\x02h3\x0ahq-interop";
constexpr size_t h3_size = 3, both_size = sizeof h3_protocol - 1;

}  // namespace

ServerConnection::ServerConnection(DataThread& thread, const ListenAddress& listen,
                                   quic::Connection& transport, const http::ConnectionFacts& facts)
    : VirtualServerHandshake(thread, listen, facts),
      transport_(&transport),
      remote_(*facts.remote),
      local_(*facts.local) {
  note_addresses();
  keepalive_timer_.bind<&ServerConnection::on_keepalive_timeout>(this);
  thread_.counters.reading++;
}

ServerConnection::~ServerConnection() = default;

void ServerConnection::note_addresses() {
  remote_text_ = remote_.text(false);
  facts_.remote = &remote_;
  facts_.local = &local_;
  facts_.remote_text = remote_text_;
}

const Server& ServerConnection::server() const { return *server_; }
const V3Conf& ServerConnection::conf() const { return server_->block->conf<V3Conf>(); }
const CoreConf& ServerConnection::core() const { return server_->block->conf<CoreConf>(); }

// --- TLS ---

tls::SslPtr ServerConnection::start_tls() {
  const SslConf& ssl = server_->block->conf<SslConf>();
  if (!ssl.context) return nullptr;
  tls::SslPtr made = begin(*ssl.context);
  SSL_up_ref(made.get());
  ssl_.reset(made.get());
  return made;
}

bool ServerConnection::early_data() const {
  return server_->block->conf<SslConf>().context->early_data();
}

std::span<const unsigned char> ServerConnection::protocols() {
  const V3Conf& v3 = conf();
  std::span<const unsigned char> all(h3_protocol, both_size);
  if (!v3.enabled) return v3.hq ? all.subspan(h3_size) : all.first(0);
  return v3.hq ? all : all.first(h3_size);
}

void ServerConnection::on_ready() {
  SSL* ssl = transport_->ssl();
  note_tls(ssl);
  const unsigned char* protocol = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl, &protocol, &size);
  hq_ = size > 2;
  if (!hq_) send_settings();
}

void ServerConnection::on_handshake_complete() {
  open_ = true;
  if (!check_client(ssl_.get())) let_go_of_tls();
  rest();
}

void ServerConnection::let_go_of_tls() {
  if (ssl_) detach(ssl_.get());
  ssl_.reset();
}

void ServerConnection::on_client_checked() {
  client_check_.reset();
  let_go_of_tls();
  for (Held& piece : std::exchange(held_, {})) {
    if (transport_) on_stream_data(piece.stream, piece.bytes, piece.end);
  }
}

// --- Requests ---

ServerStream& ServerConnection::begin_request(int64_t stream) {
  if (streams_.empty()) {
    thread_.set_idle(*this, false);
    keepalive_timer_.cancel();
  }
  next_request_ = std::max(next_request_, stream + 4);
  facts_.requests++;
  auto owned = std::make_unique<ServerStream>(*this, stream);
  ServerStream& made = *owned.release();
  streams_.emplace(stream, &made);
  all_streams_.push_back(made);
  uint64_t age = Clock::of_thread().monotonic_ms() - uint64_t(facts_.started_ms);
  const CoreConf& limits = core();
  bool last = facts_.requests >= limits.keepalive_requests || age >= limits.keepalive_time ||
              limits.keepalive_timeout == 0 || thread_.draining();
  if (last) send_goaway();
  return made;
}

void ServerConnection::on_stream_data(int64_t stream, std::span<const uint8_t> bytes, bool end) {
  if (!ngtcp2_is_bidi_stream(stream)) {
    on_unidirectional(stream, bytes, end);
    return;
  }
  if (client_check_) {
    held_.push_back({stream, {bytes.begin(), bytes.end()}, end});
    return;
  }
  auto found = streams_.find(stream);
  if (found != streams_.end()) {
    found->second->on_data(bytes, end);
    return;
  }
  std::vector<uint8_t> held;
  if (webtransport_ && webtransport_->take(stream, bytes, end, held)) return;
  if (going_away_ && stream >= next_request_) {
    transport_->consume(bytes.size());
    transport_->reset_stream(stream, uint64_t(Error::request_rejected));
    transport_->stop_stream(stream, uint64_t(Error::request_rejected));
    return;
  }
  begin_request(stream).on_data(bytes, end);
}

bool ServerConnection::may_be_session(int64_t stream) const {
  return stream >= next_request_ || streams_.contains(stream);
}

void ServerConnection::on_stream_reset(int64_t stream, uint64_t error) {
  if (webtransport_ && webtransport_->on_reset(stream, error)) return;
  if (!ngtcp2_is_bidi_stream(stream)) {
    on_unidirectional(stream, {}, true);
    return;
  }
  auto found = streams_.find(stream);
  if (found != streams_.end()) found->second->on_reset();
}

void ServerConnection::on_stream_closed(int64_t stream) {
  if (webtransport_ && webtransport_->on_closed(stream)) return;
  if (!ngtcp2_is_bidi_stream(stream)) {
    client_streams_.erase(stream);
    return;
  }
  auto found = streams_.find(stream);
  if (found == streams_.end()) return;
  ServerStream& closed = *found->second;
  closed.on_closed();
  // Who asks and cancels, again and again, wants nothing but work done.
  cancelled_ += closed.was_cancelled();
  if (cancelled_ > tolerated_cancellations && cancelled_ * 2 > facts_.requests) {
    end_flood();
  }
}

void ServerConnection::remove(ServerStream& stream) {
  if (!streams_.erase(stream.id)) return;
  if (webtransport_) webtransport_->on_request_over(stream.id);
  stream.ListHook<StreamsOfConnection>::unlink();
  stream.ListHook<StreamsReady>::unlink();
  stream.ListHook<StreamsBlocked>::unlink();
  stream.ListHook<StreamsToSettle>::unlink();
  thread_.bury(std::unique_ptr<Disposable>(&stream));
  if (streams_.empty()) rest();
}

// Nothing is asked: the connection ends by itself after a while, and may be taken for a new one
// unless it is reserved (keepalive_min_timeout).
void ServerConnection::rest() {
  if (!transport_) {
    if (streams_.empty()) thread_.remove_connection(*this);
    return;
  }
  if (!open_ || !streams_.empty()) return;
  if (going_away_) {
    close(Error::none, {});
    return;
  }
  const CoreConf& limits = core();
  // With keepalive_timeout 0 a client that has asked for nothing yet has the time of a head.
  uint32_t timeout = limits.keepalive_timeout;
  if (timeout == 0 && facts_.requests == 0) {
    timeout = uint32_t(server_->connection.client_header_timeout);
  }
  uint32_t reserved = std::min(limits.keepalive_min_timeout, timeout);
  reserved_ = reserved > 0;
  keepalive_left_ms_ = timeout - reserved;
  if (!reserved_) thread_.set_idle(*this, true);
  keepalive_timer_.set(reserved_ ? reserved : keepalive_left_ms_);
  if (thread_.draining()) drain();
}

void ServerConnection::on_keepalive_timeout() {
  if (std::exchange(reserved_, false) && keepalive_left_ms_ > 0 && !thread_.draining()) {
    thread_.set_idle(*this, true);
    keepalive_timer_.set(keepalive_left_ms_);
    return;
  }
  send_goaway();
  close(Error::none, {});
}

// --- Sending ---

void ServerConnection::ready(SendingStream& stream) {
  if (!transport_) return;
  if (!stream.blocked && !stream.linked() && stream.buffer.ready()) {
    auto& queue = ready_[stream.priority.urgency];
    stream.critical ? ready_[0].push_front(stream) : queue.push_back(stream);
  }
  transport_->wants_to_send();
}

SendingStream* ServerConnection::sending(int64_t stream) {
  if (ngtcp2_is_bidi_stream(stream)) {
    auto found = streams_.find(stream);
    if (found != streams_.end()) return found->second;
  } else {
    for (SendingStream* own : {&control_, &qpack_encoder_, &qpack_decoder_}) {
      if (own->id == stream) return own;
    }
  }
  return webtransport_ ? webtransport_->find(stream) : nullptr;
}

quic::Outgoing ServerConnection::next_outgoing() {
  for (auto& queue : ready_) {
    while (!queue.empty()) {
      SendingStream& stream = queue.front();
      size_t count = 0;
      bool end = false;
      if (!stream.buffer.gather(vectors_, count, end)) {
        // A file has become shorter while it was sent.
        stream.unlink();
        log(LogLevel::alert, 0, "file was truncated while it was sent");
        close(Error::internal_error, "internal error");
        return {};
      }
      if (count > 0 || end) return {stream.id, std::span(vectors_).first(count), end};
      stream.unlink();
    }
  }
  return {};
}

void ServerConnection::on_sent(int64_t id, size_t bytes, bool end) {
  SendingStream* stream = sending(id);
  if (!stream) return;
  stream->buffer.sent(bytes, end);
  if (stream->linked() && (stream->priority.incremental || !stream->buffer.ready())) {
    stream->unlink();
    if (stream->buffer.ready()) ready_[stream->priority.urgency].push_back(*stream);
  }
  stream->note_sent(bytes);
}

void ServerConnection::on_stream_blocked(int64_t id) {
  SendingStream* stream = sending(id);
  if (!stream) return;
  stream->blocked = true;
  stream->unlink();
}

void ServerConnection::on_stream_room(int64_t id) {
  SendingStream* stream = sending(id);
  if (!stream) return;
  stream->blocked = false;
  ready(*stream);
}

bool ServerConnection::on_stream_stopped(int64_t id, uint64_t error) {
  on_stream_blocked(id);
  auto found = streams_.find(id);
  if (found == streams_.end()) return webtransport_ && webtransport_->on_stopped(id, error);
  found->second->on_stopped();
  return true;
}

void ServerConnection::on_acknowledged(int64_t id, uint64_t bytes) {
  SendingStream* stream = sending(id);
  if (!stream) return;
  stream->buffer.acknowledged(bytes);
  stream->note_acknowledged(bytes);
}

// --- WebTransport ---

void ServerConnection::on_streams_allowed() {
  if (webtransport_) webtransport_->on_streams_allowed();
}

void ServerConnection::on_datagram(std::span<const uint8_t> bytes) {
  if (webtransport_) webtransport_->on_datagram(bytes);
}

std::span<const uint8_t> ServerConnection::next_datagram(size_t most) {
  return webtransport_ ? webtransport_->next_datagram(most) : std::span<const uint8_t>();
}

void ServerConnection::on_datagram_sent() { webtransport_->on_datagram_sent(); }

void ServerConnection::settle_later(ServerStream& stream) {
  if (!stream.ListHook<StreamsToSettle>::linked()) to_settle_.push_back(stream);
}

void ServerConnection::on_output_made() {
  IntrusiveList<ServerStream, StreamsToSettle> now;
  now.splice(to_settle_);
  while (!now.empty()) now.pop_front().settle();
}

// --- The end ---

void ServerConnection::on_migrated(const net::Address& remote, const net::Address& local) {
  remote_ = remote;
  local_ = local;
  note_addresses();
  log(LogLevel::info, 0, "quic connection migrated to %s", remote_text_.c_str());
}

void ServerConnection::close(Error error, std::string_view reason) {
  if (!transport_) return;
  if (!reason.empty()) log(LogLevel::info, 0, "%.*s", int(reason.size()), reason.data());
  transport_->close(uint64_t(error), reason);
}

void ServerConnection::end_flood() {
  if (!flooding_) thread_.counters.http3_floods++;
  flooding_ = true;
  close(Error::excessive_load, "http3 flood detected");
}

void ServerConnection::on_closed(std::string_view reason) {
  if (!transport_) return;
  if (!reason.empty()) log(LogLevel::info, 0, "%.*s", int(reason.size()), reason.data());
  transport_ = nullptr;
  session_lookup.forget();
  client_check_.reset();
  let_go_of_tls();
  if (!open_) thread_.counters.tls_failed++;
  thread_.counters.reading--;
  keepalive_timer_.cancel();
  for (auto& queue : ready_) {
    while (!queue.empty()) queue.front().unlink();
  }
  for (auto at = all_streams_.begin(); at != all_streams_.end();) {
    ServerStream& stream = *at;
    ++at;
    stream.on_connection_lost();
  }
  if (webtransport_) webtransport_->on_connection_lost();
  rest();
}

void ServerConnection::drain() {
  if (!transport_ || !open_) return;
  if (webtransport_ && webtransport_->drain()) return;
  if (streams_.empty() && thread_.draining()) {
    if (reserved_) return;
    // Who has not asked anything yet is not idle: a first request may be on its way.
    if (facts_.requests == 0 && !going_away_) {
      keepalive_timer_.set(core().lingering_timeout);
      return;
    }
  }
  send_goaway();
  if (streams_.empty()) close(Error::none, {});
  linger();
}

// Browsers fall silent when they are done, and acknowledge nothing: a worker that is to end doesn't
// wait for them as long as for a connection that may be used again.
void ServerConnection::linger() {
  if (!going_away_ || !transport_) return;
  for (ServerStream& stream : all_streams_) {
    if (stream.in_progress()) return;
  }
  keepalive_timer_.set(core().lingering_timeout);
}

void ServerConnection::terminate() {
  if (!transport_) {
    for (auto at = all_streams_.begin(); at != all_streams_.end();) {
      ServerStream& stream = *at;
      ++at;
      stream.abort(499);
    }
    return;
  }
  transport_->terminate();
}

void ServerConnection::append_log_context(LogLine& line, const void* object) {
  const auto& connection = *static_cast<const ServerConnection*>(object);
  if (!connection.open_) line.append(" while SSL handshaking");
  line.append(", client: ");
  line.append(connection.remote_text_);
  line.append(", server: ");
  line.append(connection.listen_.listener);
}

void ServerConnection::log(LogLevel level, int error, const char* format, ...) {
  const ErrorLog& error_log = *thread_.runtime().error_logs[core().error_log];
  if (!error_log.takes(level)) return;
  va_list arguments;
  va_start(arguments, format);
  error_log.write_list(level, {facts_.number, append_log_context, this}, error, format, arguments);
  va_end(arguments);
}

}  // namespace sluice::h3
