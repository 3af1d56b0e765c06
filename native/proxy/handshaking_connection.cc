#include "proxy/handshaking_connection.h"

#include <cerrno>

#include "modules/http_core.h"
#include "modules/http_ssl.h"
#include "proxy/codec_choice.h"

namespace sluice {

namespace {

/// A TLS record of the handshake, or an SSLv2 hello.
bool begins_tls(char first) { return first == 0x16 || (first & 0x80); }

}  // namespace

void HandshakingConnection::accept(DataThread& thread, const ListenAddress& listen,
                                   net::StreamPtr stream, const http::ConnectionFacts& facts,
                                   std::string_view first) {
  auto owned = std::make_unique<HandshakingConnection>(thread, listen, std::move(stream), facts);
  HandshakingConnection& connection = *owned;
  thread.add_connection(std::move(owned));
  thread.set_idle(connection, true);
  if (!first.empty()) connection.on_data(first);
}

HandshakingConnection::HandshakingConnection(DataThread& thread, const ListenAddress& listen,
                                             net::StreamPtr stream,
                                             const http::ConnectionFacts& facts)
    : VirtualServerHandshake(thread, listen, facts), stream_(std::move(stream)) {
  remote_text_ = stream_->remote_address().text(false);
  facts_.remote = &stream_->remote_address();
  facts_.remote_text = remote_text_;
  facts_.stream = stream_.get();
  stream_->set_consumer(*this);
  timer_.bind<&HandshakingConnection::on_timeout>(this);
  timer_.set(server_->connection.client_header_timeout);
}

// The first bytes, before TLS is in between.
void HandshakingConnection::on_data(std::span<const char> data) {
  if (client_check_) {
    held_.append(data.data(), data.size());
    return;
  }
  thread_.set_idle(*this, false);
  if (begins_tls(data[0])) {
    start_tls(data);
  } else {
    hand_over({data.data(), data.size()});
  }
}

void HandshakingConnection::start_tls(std::span<const char> first) {
  if (server_->block->conf<CoreConf>().tcp_nodelay) stream_->set_no_delay(true);
  const SslConf& conf = server_->block->conf<SslConf>();
  if (!conf.context) {
    close();
    return;
  }
  auto tls =
      std::make_unique<tls::TlsStream>(thread_.stack(), std::move(stream_), begin(*conf.context));
  tls_ = tls.release();
  stream_.reset(tls_);
  facts_.stream = tls_;
  tls_->set_consumer(*this);
  if (conf.context->early_data()) tls_->accept_early_data();
  tls_->start(first);
}

const tls::Context* HandshakingConnection::choose(std::string_view server_name) {
  const tls::Context* context = VirtualServerHandshake::choose(server_name);
  if (context) tls_->set_record_size(context->buffer_size());
  return context;
}

std::span<const unsigned char> HandshakingConnection::protocols() {
  return spoken_protocols(listen_, *server_);
}

void HandshakingConnection::on_connected() {
  // Early data leaves nothing to ask either: all comes with the ClientHello.
  note_tls(tls_->ssl());
  if (check_client(tls_->ssl())) {
    stream_->pause_reading();
  } else {
    hand_over({});
  }
}

void HandshakingConnection::on_client_checked() {
  client_check_.reset();
  stream_->resume_reading();
  hand_over(held_);
}

// The slot that this connection had is the next one's.
void HandshakingConnection::hand_over(std::string_view first) {
  if (tls_) tls_->let_go(agreement_);
  net::StreamPtr stream = std::move(stream_);
  timer_.cancel();
  thread_.remove_connection(*this);
  if (!thread_.take_connection_slot()) return;
  serve(thread_, listen_, std::move(stream), facts_, first);
}

void HandshakingConnection::on_end() {
  if (tls_) thread_.counters.tls_failed++;
  log(LogLevel::info, 0,
      tls_ ? "peer closed connection in SSL handshake" : "client closed connection");
  close();
}

void HandshakingConnection::on_error(int error) {
  if (tls_) thread_.counters.tls_failed++;
  if (!tls_) {
    log(LogLevel::info, error, "recv() failed");
  } else if (tls_->failure().empty()) {
    log(LogLevel::info, error, "peer closed connection in SSL handshake");
  } else {
    log(tls_->failure_is_ours() ? LogLevel::crit : LogLevel::info, 0, "%s",
        tls_->failure().c_str());
  }
  close();
}

void HandshakingConnection::on_timeout() {
  if (tls_) thread_.counters.tls_failed++;
  log(LogLevel::info, ETIMEDOUT, "client timed out");
  close();
}

void HandshakingConnection::close() {
  session_lookup.forget();
  client_check_.reset();
  stream_.reset();
  timer_.cancel();
  thread_.remove_connection(*this);
}

void HandshakingConnection::append_log_context(LogLine& line, const void* object) {
  const auto& connection = *static_cast<const HandshakingConnection*>(object);
  line.append(" while SSL handshaking, client: ");
  line.append(connection.remote_text_);
  line.append(", server: ");
  line.append(connection.listen_.listener);
}

void HandshakingConnection::log(LogLevel level, int error, const char* format, ...) {
  const CoreConf& core = server_->block->conf<CoreConf>();
  const ErrorLog& error_log = *thread_.runtime().error_logs[core.error_log];
  if (!error_log.takes(level)) return;
  va_list arguments;
  va_start(arguments, format);
  error_log.write_list(level, {facts_.number, append_log_context, this}, error, format, arguments);
  va_end(arguments);
}

}  // namespace sluice
