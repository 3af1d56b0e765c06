#include "http/h2/server_connection.h"

#include <algorithm>
#include <cerrno>

#include "base/clock.h"
#include "http/client_failure.h"
#include "modules/http_core.h"
#include "modules/http_v2.h"
#include "proxy/exchange.h"

namespace sluice::h2 {

void ServerConnection::accept(DataThread& thread, const ListenAddress& listen,
                              net::StreamPtr stream, const http::ConnectionFacts& facts,
                              std::string_view first) {
  net::StreamPtr owned_stream = std::move(stream);
  http::ConnectionFacts known = facts;
  known.listen = &listen;
  known.stream = owned_stream.get();
  known.remote = &owned_stream->remote_address();
  auto owned = std::make_unique<ServerConnection>(thread, std::move(owned_stream), known);
  ServerConnection& connection = *owned;
  thread.add_connection(std::move(owned));
  thread.set_idle(connection, true);
  connection.make_session();
  connection.produce();
  if (!first.empty()) connection.on_data({first.data(), first.size()});
}

ServerConnection::ServerConnection(DataThread& thread, net::StreamPtr stream,
                                   const http::ConnectionFacts& facts)
    : thread_(thread),
      conf_(initial_server(facts).block->conf<V2Conf>()),
      stream_(std::move(stream)),
      facts_(facts),
      guard_({conf_.max_resets, conf_.max_control_frames}, thread.stack().timers().now()) {
  remote_text_ = facts_.remote->text(false);
  facts_.remote_text = remote_text_;
  facts_.pipelined = false;
  stream_->set_consumer(*this);
  stream_->set_read_size(conf_.recv_buffer_size);
  if (core().tcp_nodelay) stream_->set_no_delay(true);
  read_timer_.bind<&ServerConnection::on_read_timeout>(this);
  send_timer_.bind<&ServerConnection::on_send_timeout>(this);
  silence_timer_.bind<&ServerConnection::on_silence>(this);
  read_timer_.set(server().connection.client_header_timeout);
}

ServerConnection::~ServerConnection() {
  while (!streams_.empty()) std::unique_ptr<ServerStream>(&streams_.pop_front()).reset();
}

const Server& ServerConnection::server() const { return initial_server(facts_); }

const CoreConf& ServerConnection::core() const { return server().block->conf<CoreConf>(); }

// --- Input ---

void ServerConnection::on_data(std::span<const char> data) {
  if (state_ == State::lingering) {
    extend_lingering();
    return;
  }
  if (!is_connected() || failed_) return;
  std::string_view input(data.data(), data.size());
  if (state_ == State::opening && !open(input)) {
    produce();
    return;
  }
  if (!failed_ && !input.empty()) receive(input);
  if (!is_connected()) return;
  if (sessions_ > 0) {
    asked_ = false;
    silence_timer_.set(core().send_timeout);
  }
  produce();
  produce_later();
}

// Of a client that has more than one request in mind, the end of one is not the end.
void ServerConnection::on_end() {
  if (state_ == State::opening || state_ == State::open) {
    if (in_header_block_) log(LogLevel::info, 0, "client prematurely closed connection");
    lose();
  } else if (state_ == State::lingering) {
    close();
  }
}

void ServerConnection::on_error(int error) {
  const http::ClientFailure failure(facts_, error);
  if (is_connected() && (!streams_.empty() || failure.error == 0)) {
    log(failure.level, failure.error, "%.*s", int(failure.text.size()), failure.text.data());
  }
  if (is_connected()) {
    lose();
  } else {
    close();
  }
}

void ServerConnection::on_writable() {
  if (stream_->unsent() == 0) send_timer_.cancel();
  produce();
}

// --- The turn's end ---

void ServerConnection::on_turn_end() {
  if (!is_connected()) return;
  send_all();
  if (!to_stop_.empty()) {
    // In a TLS record of its own: curl 7 forgets a response if the one that it comes in resets its
    // stream, too (RFC 9113, 8.1 forbids that).
    while (!to_stop_.empty()) to_stop_.pop_front().stop_request();
    send_all();
  }
  if (failed_) {
    finish();
    return;
  }
  // nghttp2 has found an error of the connection's, and said so to the client.
  if (!nghttp2_session_want_read(session_.get()) && !nghttp2_session_want_write(session_.get())) {
    finish();
    return;
  }
  if (in_header_block_) {
    if (!read_timer_.active()) read_timer_.set(server().connection.client_header_timeout);
  } else if (streams_.empty()) {
    rest();
  } else {
    read_timer_.cancel();
  }
}

// No request is in progress.
void ServerConnection::rest() {
  if (state_ == State::opening) return;
  if (going_away_) {
    finish();
    return;
  }
  if (!idle_) {
    idle_ = true;
    thread_.set_idle(*this, true);
  }
  if (facts_.requests > 0 && core().keepalive_timeout == 0) {
    go_away();
    return;
  }
  read_timer_.set(facts_.requests > 0 ? core().keepalive_timeout
                                      : server().connection.client_header_timeout);
}

void ServerConnection::watch_sending() {
  if (stream_->unsent() > 0 && !send_timer_.active()) send_timer_.set(core().send_timeout);
}

void ServerConnection::remove(ServerStream& stream) {
  if (!stream.ListHook<StreamsOfConnection>::linked()) return;
  if (dependencies_) dependencies_->remove(stream.id());
  stream.ListHook<StreamsOfConnection>::unlink();
  stream.ListHook<StreamsToSettle>::unlink();
  --stream_count_;
  thread_.bury(std::unique_ptr<Disposable>(&stream));
  if (!streams_.empty()) return;
  if (state_ == State::lost) {
    close();
  } else if (is_connected()) {
    produce_later();
  }
}

// --- The end ---

// keepalive_requests and keepalive_time count connections' requests as in HTTP/1.
void ServerConnection::limit_requests() {
  const CoreConf& conf = core();
  uint64_t age = Clock::of_thread().monotonic_ms() - uint64_t(facts_.started_ms);
  if (facts_.requests >= conf.keepalive_requests || age > conf.keepalive_time ||
      thread_.draining()) {
    go_away();
  }
}

// RFC 9113 section 6.8: what has begun is still answered.
void ServerConnection::go_away() {
  if (std::exchange(going_away_, true)) return;
  nghttp2_submit_goaway(session_.get(), NGHTTP2_FLAG_NONE, last_stream_id_, NGHTTP2_NO_ERROR,
                        nullptr, 0);
  produce_later();
}

void ServerConnection::drain() {
  // A request that is on its way may be asked again elsewhere: GOAWAY says so.
  if (state_ != State::open) return;
  go_away();
  for (ServerStream& stream : streams_) stream.on_draining();
}

void ServerConnection::terminate() {
  if (is_connected() && state_ == State::open && !failed_) {
    go_away();
    send_all();
  }
  close();
}

void ServerConnection::fail(uint32_t error) {
  if (std::exchange(failed_, true)) return;
  write_goaway(error);
  produce_later();
}

void ServerConnection::write_goaway(uint32_t error) {
  constexpr size_t payload = 8;
  std::span<char> room = frames_.prepare(frame_head_size + payload);
  std::fill(room.begin(), room.end(), '\0');
  room[2] = char(payload);
  room[3] = NGHTTP2_GOAWAY;
  for (int i = 0; i < 4; ++i) {
    room[frame_head_size + i] = char(uint32_t(last_stream_id_) >> (24 - 8 * i));
    room[frame_head_size + 4 + i] = char(error >> (24 - 8 * i));
  }
  frames_.commit(room.size());
}

void ServerConnection::abort_streams(uint16_t status) {
  for (auto at = streams_.begin(); at != streams_.end();) {
    ServerStream& stream = *at;
    ++at;
    stream.abort(status);
  }
}

// All has been said. What the client still sends must not cost it the last frames.
void ServerConnection::finish() {
  abort_streams(499);
  if (core().lingering_close == CoreConf::Lingering::off) {
    close();
    return;
  }
  state_ = State::lingering;
  thread_.set_idle(*this, false);
  linger_until_ms_ = Clock::of_thread().monotonic_ms() + core().lingering_time;
  read_timer_.set(core().lingering_timeout);
  stream_->shutdown_write();
}

void ServerConnection::extend_lingering() {
  uint64_t now = Clock::of_thread().monotonic_ms();
  if (now >= linger_until_ms_) {
    close();
    return;
  }
  read_timer_.set(std::min<uint64_t>(linger_until_ms_ - now, core().lingering_timeout));
}

// The client is gone: exchanges that go on all the same keep what they need of the connection.
void ServerConnection::lose() {
  state_ = State::lost;
  read_timer_.cancel();
  send_timer_.cancel();
  silence_timer_.cancel();
  frames_.clear();
  for (auto at = streams_.begin(); at != streams_.end();) {
    ServerStream& stream = *at;
    ++at;
    stream.on_connection_lost();
  }
  if (streams_.empty()) close();
}

void ServerConnection::close() {
  if (state_ == State::closed) return;
  state_ = State::closed;
  for (auto at = streams_.begin(); at != streams_.end();) {
    ServerStream& stream = *at;
    ++at;
    stream.abort(499);
  }
  read_timer_.cancel();
  send_timer_.cancel();
  silence_timer_.cancel();
  stream_.reset();
  thread_.remove_connection(*this);
}

void ServerConnection::on_read_timeout() {
  if (state_ == State::lingering || state_ == State::opening) {
    close();
    return;
  }
  if (state_ != State::open) return;
  if (in_header_block_ && !std::exchange(head_given_up_, true)) {
    // As nginx: it costs the stream; the rest of its head may still come.
    if (ServerStream* stream = stream_of(last_stream_id_)) stream->give_up_on_head();
    read_timer_.set(core().keepalive_timeout);
    return;
  }
  if (!going_away_) go_away();
  send_all();
  finish();
}

void ServerConnection::add_session() {
  if (sessions_++ == 0) silence_timer_.set(core().send_timeout);
}

// A session may have nothing to say for long. Whether its client is still there a PING tells.
void ServerConnection::on_silence() {
  if (!is_connected() || sessions_ == 0) return;
  if (std::exchange(asked_, true)) {
    log(LogLevel::info, ETIMEDOUT, "client timed out");
    abort_streams(408);
    close();
    return;
  }
  nghttp2_submit_ping(session_.get(), NGHTTP2_FLAG_NONE, nullptr);
  produce_later();
  silence_timer_.set(core().send_timeout);
}

// Between two writes: one that is slow, but takes bytes, may go on.
void ServerConnection::on_send_timeout() {
  if (!is_connected() || stream_->unsent() == 0) return;
  uint64_t limit = core().send_timeout;
  uint64_t idle = Clock::of_thread().monotonic_ms() - stream_->last_sent_ms();
  if (idle < limit) {
    send_timer_.set(limit - idle);
    return;
  }
  log(LogLevel::info, ETIMEDOUT, "client timed out");
  abort_streams(408);
  if (core().reset_timedout_connection) stream_.release()->reset();
  close();
}

// --- Log ---

void ServerConnection::append_log_context(LogLine& line, const void* object) {
  const auto& connection = *static_cast<const ServerConnection*>(object);
  line.append(" while processing HTTP/2 connection, client: ");
  line.append(connection.remote_text_);
  line.append(", server: ");
  line.append(connection.facts_.listen->listener);
}

void ServerConnection::log(LogLevel level, int error, const char* format, ...) {
  const ErrorLog& error_log = *thread_.runtime().error_logs[core().error_log];
  if (!error_log.takes(level)) return;
  va_list arguments;
  va_start(arguments, format);
  error_log.write_list(level, {facts_.number, append_log_context, this}, error, format, arguments);
  va_end(arguments);
}

}  // namespace sluice::h2
