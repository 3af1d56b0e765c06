#include "http/h2/server_stream.h"

#include <cerrno>

#include "http/extended_connect.h"
#include "http/h2/server_connection.h"
#include "modules/http_core.h"
#include "modules/http_v2.h"
#include "modules/http_webtransport.h"
#include "proxy/exchange.h"

namespace sluice::h2 {

namespace {

/// As good as no limit. Not the largest: a client may count from another initial window than
/// nghttp2, until it has acknowledged our SETTINGS.
constexpr int32_t unlimited_window = 1 << 30;

}  // namespace

ServerStream::ServerStream(ServerConnection& connection, int32_t id)
    : connection_(connection),
      request_number_(connection.facts().requests),
      exchange_(std::make_unique<Exchange>(connection.thread().runtime(), *this)),
      body_(*exchange_, *this),
      id_(id) {
  exchange_->request.version = http::Version::http2;
  exchange_->log_action = "reading client request headers";
  fields_.emplace(exchange_->request, exchange_->arena,
                  http::FieldRules::of(connection.server().connection));
  send_timer_.bind<&ServerStream::on_send_timeout>(this);
  connection_.thread().counters.writing++;
}

ServerStream::~ServerStream() {
  if (session_) connection_.remove_session();
}

// The connection's facts, as they were when this request came.
http::ConnectionFacts& ServerStream::connection() {
  http::ConnectionFacts& facts = connection_.facts();
  facts.requests = request_number_;
  return facts;
}

// --- The request ---

void ServerStream::add_field(std::string_view name, std::string_view value) {
  switch (fields_->add(name, value)) {
    case http::RequestFields::Added::taken:
      return;
    case http::RequestFields::Added::ignored:
      exchange_->log(LogLevel::info, "client sent invalid header: \"%.*s\"", int(name.size()),
                     name.data());
      return;
    case http::RequestFields::Added::refused:
      refused_ = true;
      return;
  }
}

void ServerStream::on_head(bool ended, uint32_t size) {
  if (!exchange_) return;
  Exchange& exchange = *exchange_;
  if (ended) body_.none();
  exchange.request.size = size;
  bool valid = !refused_ && fields_->finish(ended);
  if (!valid) fields_->describe();
  bool has_path = exchange.take_path(connection_.server().connection.merge_slashes);
  if (!valid) {
    refuse(fields_->refusal());
    return;
  }
  if (!has_path) {
    refuse({.error = http::RequestError::invalid_pseudo_header,
            .field = {.name = ":path", .value = exchange.request.target}});
    return;
  }
  exchange.take_host();
  if (!connection_.facts().listen->http2 && !exchange.conf<V2Conf>().enabled) {
    exchange.log(LogLevel::info,
                 "client attempted to request the server name for which the negotiated protocol is "
                 "disabled");
    fields_.reset();
    exchange.reject(421);
    return;
  }
  if (std::string_view protocol = fields_->protocol(); !protocol.empty()) {
    extended_ = true;
    opens_session_ = protocol == "webtransport";
    http::become_upgrade(exchange.request, protocol, exchange.arena);
  }
  fields_.reset();
  take_priority();
  exchange.log_action = {};
  exchange.begin();
}

// RFC 9218 section 7: what PRIORITY_UPDATE has said counts, the field is but its beginning.
void ServerStream::take_priority() {
  std::optional<http::Priority> priority = connection_.early_priority(id_);
  const http::Header* field = exchange_->request.headers.find(http::HeaderId::priority);
  if (!priority && field) priority = http::parse_priority(field->value);
  priority ? set_priority(*priority) : take_place();
}

void ServerStream::set_priority(http::Priority priority) {
  prioritized_ = true;
  order(priority);
}

void ServerStream::take_place() {
  DependencyTree* dependencies = connection_.dependencies();
  if (dependencies && !prioritized_) order(dependencies->priority_of(id_));
}

void ServerStream::order(http::Priority priority) {
  if (closed_ || priority == priority_) return;
  priority_ = priority;
  nghttp2_extpri order = {.urgency = priority.urgency, .inc = priority.incremental};
  nghttp2_session_change_extpri_stream_priority(connection_.session(), id_, &order, 0);
}

void ServerStream::refuse(const http::Refusal& refusal) {
  http::Refusal why = refusal;
  fields_.reset();
  exchange_->refuse(why);
}

// The initial server's rules, as for the head.
void ServerStream::add_trailer(std::string_view name, std::string_view value) {
  body_.add_trailer(name, value, http::FieldRules::of(connection_.server().connection));
}

// Nobody waits for the rest of a body that is discarded: the stream will be reset.
void ServerStream::consumed(size_t bytes) {
  if (closed_ || body_.ended() || !exchange_ || exchange_->body.discarded()) return;
  nghttp2_session_consume_stream(connection_.session(), id_, bytes);
  connection_.produce_later();
}

void ServerStream::note_malformed() { connection_.note_reset(); }

void ServerStream::break_off() {
  exchange_->abort(400);
  reset(NGHTTP2_PROTOCOL_ERROR);
  end_exchange();
}

void ServerStream::read_body(bool on) {
  body_.read(on);
  if (on && !body_.is_tunnel()) grow_window();
}

// Till then a client may send http2_body_preread_size. What goes on as it comes is given so much
// at a time, what is kept in memory and in a file as much as it likes.
void ServerStream::grow_window() {
  if (closed_ || body_.ended() || std::exchange(window_grown_, true)) return;
  const CoreConf& core = exchange_->conf<CoreConf>();
  int32_t window = unlimited_window;
  if (exchange_->body.is_passed_on()) {
    window = int32_t(std::min<size_t>(
        std::max<size_t>(core.client_body_buffer_size, connection_.conf().body_preread_size),
        unlimited_window));
  }
  nghttp2_session* session = connection_.session();
  if (window <= nghttp2_session_get_stream_local_window_size(session, id_)) return;
  nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, id_, window);
  connection_.produce_later();
}

bool ServerStream::discard_body() {
  body_.discard();
  return true;
}

// --- WebTransport ---

// Secured connections alone may have sessions (draft-ietf-webtrans-http2-14, 3.2).
http::WebTransportCarrier* ServerStream::webtransport() {
  const WebTransportConf* limits = connection_.webtransport();
  if (!limits || !opens_session_ || closed_ || !connection_.facts().tls) return nullptr;
  if (!session_) {
    // A field that only clients have which number streams in their own way.
    bool swapped = exchange_->request.headers.find("authority") != nullptr;
    session_ = std::make_unique<WebTransportSession>(
        static_cast<WebTransportSession::Host&>(*this),
        WebTransportSession::Limits{limits->max_streams, limits->buffer_size},
        connection_.client_windows(), swapped);
    connection_.add_session();
  }
  return session_.get();
}

size_t ServerStream::sessions() const { return connection_.sessions(); }

void ServerStream::produce_later() { connection_.thread().at_turn_end(*this); }

void ServerStream::fail(uint32_t error) {
  connection_.note_reset();
  reset(error);
}

// A session that begins while the connection is about to end has not been told.
void ServerStream::upgrade() {
  if (connection_.thread().draining()) on_draining();
  body_.upgrade();
}

void ServerStream::on_draining() {
  if (session_ && session_->owner()) session_->owner()->on_draining();
}

// --- Time ---

void ServerStream::on_send_timeout() {
  if (exchange_ && unsent() > 0) give_up_on_client();
}

void ServerStream::give_up_on_client() {
  exchange_->log_errno(LogLevel::info, ETIMEDOUT, "client timed out");
  exchange_->abort(408);
  reset(NGHTTP2_PROTOCOL_ERROR);
  end_exchange();
}

void ServerStream::give_up_on_head() {
  if (!exchange_ || !fields_) return;
  fields_->describe();
  fields_.reset();
  refused_ = true;
  give_up_on_client();
}

// --- The end ---

void ServerStream::abort(uint16_t status) {
  if (!exchange_ || exchange_->ended()) return;
  exchange_->abort(status);
  end_exchange();
}

void ServerStream::reset(uint32_t error) {
  pending_.clear();
  if (closed_ || std::exchange(reset_, true)) return;
  nghttp2_submit_rst_stream(connection_.session(), NGHTTP2_FLAG_NONE, id_, error);
  connection_.produce_later();
}

void ServerStream::stop_request() {
  if (!closed_ && !body_.ended()) reset(NGHTTP2_NO_ERROR);
}

void ServerStream::finished(Exchange&, bool) {
  if (!closed_) {
    if (body_.is_tunnel() && head_ == Head::sent && !end_sent_) {
      last_given_ = true;
      output();
    } else if (!end_sent_) {
      reset(NGHTTP2_INTERNAL_ERROR);
    } else if (!body_.ended()) {
      connection_.stop_request_later(*this);
    }
  }
  end_exchange();
}

void ServerStream::end_exchange() {
  body_.stop();
  send_timer_.cancel();
  connection_.thread().counters.writing--;
  // nghttp2 may still have the fields of a head.
  if (head_ != Head::queued || closed_) connection_.thread().bury(std::move(exchange_));
  if (closed_) connection_.remove(*this);
}

void ServerStream::on_closed(uint32_t error) {
  if (std::exchange(closed_, true)) return;
  bool whole = end_sent_ && body_.ended();
  pending_.clear();
  if (!exchange_ || exchange_->ended()) {
    if (exchange_) connection_.thread().bury(std::move(exchange_));
    connection_.remove(*this);
    return;
  }
  if (whole) {
    connection_.settle_later(*this);
    return;
  }
  if (error != NGHTTP2_NO_ERROR && !reset_) {
    connection_.note_reset();
    exchange_->log(LogLevel::info, "client canceled stream %d", id_);
  }
  on_connection_lost();
}

void ServerStream::on_connection_lost() {
  closed_ = true;
  pending_.clear();
  if (!exchange_ || exchange_->ended()) {
    if (exchange_) connection_.thread().bury(std::move(exchange_));
    connection_.remove(*this);
    return;
  }
  // What is only on its way out has nobody left to go to.
  bool goes_on = !body_.is_tunnel() && exchange_->source() && exchange_->on_client_closed();
  if (!goes_on) abort(499);
}

}  // namespace sluice::h2
