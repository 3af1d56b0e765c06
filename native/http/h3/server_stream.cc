#include "http/h3/server_stream.h"

#include "base/bytes.h"
#include "http/extended_connect.h"
#include "http/h3/server_connection.h"
#include "http/h3/webtransport.h"
#include "modules/http_core.h"
#include "proxy/exchange.h"

namespace sluice::h3 {

ServerStream::ServerStream(ServerConnection& connection, int64_t stream)
    : connection_(connection),
      facts_(connection.facts()),
      remote_(*facts_.remote),
      local_(*facts_.local),
      exchange_(std::make_unique<Exchange>(connection.thread().runtime(), *this)),
      body_(*exchange_, *this) {
  id = stream;
  // An exchange keeps the addresses that it began with, wherever the connection moves.
  facts_.remote = &remote_;
  facts_.local = &local_;
  facts_.remote_text = exchange_->arena.copy(facts_.remote_text);
  exchange_->request.version = http::Version::http3;
  exchange_->log_action = "reading client request headers";
  const ConnectionConf& conf = connection.server().connection;
  fields_.emplace(exchange_->request, exchange_->arena, http::FieldRules::of(conf));
  section_.emplace(stream);
  head_timer_.bind<&ServerStream::on_head_timeout>(this);
  send_timer_.bind<&ServerStream::on_send_timeout>(this);
  head_timer_.set(conf.client_header_timeout);
  connection_.thread().counters.writing++;
}

ServerStream::~ServerStream() = default;

// --- Bytes ---

void ServerStream::on_data(Bytes bytes, bool end) {
  end_held_ |= end;
  if (waiting_for_table_) {
    held_.insert(held_.end(), bytes.begin(), bytes.end());
    return;
  }
  if (reading_stopped_ || phase_ == Phase::over) {
    if (quic::Connection* transport = connection_.transport()) transport->consume(bytes.size());
  } else if (connection_.speaks_hq()) {
    read_hq(bytes);
  } else {
    read(bytes);
  }
  if (end && !waiting_for_table_) on_request_end();
}

void ServerStream::consumed(size_t bytes) {
  quic::Connection* transport = connection_.transport();
  if (transport && !closed_) transport->consume(id, bytes);
}

void ServerStream::read(Bytes input) {
  Bytes payload;
  while (!waiting_for_table_) {
    size_t before = input.size();
    FrameReader::Event event = frames_.next(input, payload);
    size_t taken = before - input.size();
    bool good = true;
    switch (event) {
      case FrameReader::Event::more:
        consumed(taken);
        return;
      case FrameReader::Event::begin:
        consumed(taken);
        good = note_overhead(taken) && begin_frame();
        break;
      case FrameReader::Event::payload:
        if (!frames_.is(FrameType::data)) {
          consumed(taken);
          if (!note_overhead(taken)) return;
        }
        unread_ = input.size();
        good = read_payload(payload);
        break;
      case FrameReader::Event::end:
        good = end_frame();
        break;
    }
    if (reading_stopped_) {
      if (quic::Connection* transport = connection_.transport()) transport->consume(input.size());
      return;
    }
    if (!good) return;
  }
  held_.insert(held_.end(), input.begin(), input.end());
}

// Frames that carry nothing cost work all the same.
bool ServerStream::note_overhead(size_t bytes) {
  overhead_ += bytes;
  if (overhead_ <= tolerated_overhead || overhead_ <= body_.received() / 8) return true;
  connection_.end_flood();
  return false;
}

// RFC 9114, 4.1: HEADERS, DATA, and perhaps HEADERS once more.
bool ServerStream::begin_frame() {
  uint64_t type = frames_.type();
  bool misplaced = false;
  switch (FrameType(type)) {
    case FrameType::headers:
      misplaced = phase_ == Phase::trailers || phase_ == Phase::over || body_.is_tunnel();
      if (!misplaced && phase_ == Phase::body) {
        phase_ = Phase::trailers;
        section_->reset();
      }
      break;
    case FrameType::data:
      misplaced = phase_ != Phase::body;
      break;
    case FrameType::cancel_push:
    case FrameType::settings:
    case FrameType::push_promise:
    case FrameType::goaway:
    case FrameType::max_push_id:
    case FrameType::priority_update:
    case FrameType::push_priority_update:
      misplaced = true;
      break;
  }
  if (!misplaced && !is_forbidden(type)) return true;
  connection_.close(Error::frame_unexpected, "unexpected frame");
  return false;
}

bool ServerStream::read_payload(Bytes payload) {
  if (frames_.is(FrameType::headers)) return read_section(payload);
  if (frames_.is(FrameType::data)) on_body(payload);
  return true;
}

bool ServerStream::end_frame() {
  if (!frames_.is(FrameType::headers)) return true;
  // An empty section isn't even a prefix.
  if (frames_.length() == 0) return read_section({});
  return true;
}

bool ServerStream::read_section(Bytes payload) {
  head_size_ += payload.size();
  bool last = frames_.left() == 0;
  std::string_view name, value;
  QpackDecoder& decoder = connection_.qpack();
  while (true) {
    switch (section_->next(decoder, payload, last, name, value)) {
      case SectionDecoder::Result::field:
        if (!add_field(name, value)) return false;
        if (!refused_) continue;
        // What is wrong once stays wrong: the rest isn't worth the work.
        phase_ = Phase::body;
        on_head();
        stop_reading(Error::message_error);
        return false;
      case SectionDecoder::Result::more:
        if (!last) return true;
        [[fallthrough]];
      case SectionDecoder::Result::failed:
        connection_.qpack().cancel(id);
        connection_.tell_encoder();
        connection_.close(Error::qpack_decompression_failed, "stream error");
        return false;
      case SectionDecoder::Result::blocked:
        held_.assign(payload.begin(), payload.end());
        held_section_ = payload.size();
        waiting_for_table_ = true;
        if (connection_.wait_for_table(*this)) return true;
        connection_.close(Error::qpack_decompression_failed, "too many blocked streams");
        return false;
      case SectionDecoder::Result::complete:
        connection_.tell_encoder();
        if (phase_ == Phase::head) {
          phase_ = Phase::body;
          on_head();
        }
        return true;
    }
  }
}

// What was held is of the frame that has waited, and of what came behind it.
void ServerStream::on_table_grown() {
  if (!section_->unblocked(connection_.qpack())) {
    connection_.wait_for_table(*this);
    return;
  }
  waiting_for_table_ = false;
  std::vector<uint8_t> held = std::exchange(held_, {});
  Bytes rest = Bytes(held).subspan(held_section_);
  unread_ = rest.size();
  if (!read_section(Bytes(held).first(held_section_))) return;
  read(rest);
  if (end_held_ && !waiting_for_table_) on_request_end();
}

bool ServerStream::add_field(std::string_view name, std::string_view value) {
  if (phase_ == Phase::trailers) {
    trailer_size_ += name.size() + value.size();
    const ConnectionConf& limits = connection_.server().connection;
    if (trailer_size_ > uint64_t{limits.large_buffer_count} * limits.large_buffer_size) {
      connection_.close(Error::excessive_load, "client sent too large trailers");
      return false;
    }
    body_.add_trailer(name, value, http::FieldRules::of(limits));
    return true;
  }
  // As nginx: a field that no buffer holds ends the connection.
  uint32_t most = connection_.server().connection.large_buffer_size;
  if (name.size() > most || value.size() > most) {
    connection_.close(Error::excessive_load, "stream error");
    return false;
  }
  switch (fields_->add(name, value)) {
    case http::RequestFields::Added::taken:
      break;
    case http::RequestFields::Added::ignored:
      exchange_->log(LogLevel::info, "client sent invalid header: \"%.*s\"", int(name.size()),
                     name.data());
      break;
    case http::RequestFields::Added::refused:
      refused_ = true;
      break;
  }
  return true;
}

// --- The head ---

void ServerStream::on_head() {
  Exchange& exchange = *exchange_;
  head_timer_.cancel();
  exchange.request.size = uint32_t(head_size_);
  // Whether a body follows, as far as it is known.
  bool ended = end_held_ && unread_ == 0;
  bool valid = !refused_ && fields_->finish(ended);
  if (!valid) fields_->describe();
  bool has_path = take_path();
  if (!valid) {
    refuse(fields_->refusal());
    return;
  }
  if (!has_path) {
    refuse({.error = http::RequestError::invalid_pseudo_header,
            .field = {.name = ":path", .value = exchange.request.target}});
    return;
  }
  if (std::string_view protocol = fields_->protocol(); !protocol.empty()) {
    extended_ = true;
    opens_session_ = WebTransport::is_protocol(protocol);
    http::become_upgrade(exchange.request, protocol, exchange.arena);
  }
  if (const http::Header* field = exchange.request.headers.find(http::HeaderId::priority)) {
    set_priority(field->value);
  }
  fields_.reset();
  exchange.log_action = {};
  exchange.begin();
}

bool ServerStream::take_path() {
  return exchange_->take_path(connection_.server().connection.merge_slashes);
}

void ServerStream::refuse(const http::Refusal& refusal) {
  http::Refusal why = refusal;
  fields_.reset();
  exchange_->refuse(why);
}

void ServerStream::set_priority(std::string_view value, http::Priority base) {
  priority = http::parse_priority(value, base).value_or(priority);
}

// HTTP/0.9 over QUIC, for interoperability tests: a line, and a body that ends with the stream.
void ServerStream::read_hq(Bytes input) {
  consumed(input.size());
  if (phase_ != Phase::head) return;
  held_.insert(held_.end(), input.begin(), input.end());
  std::string_view text = as_text(held_);
  size_t end = text.find('\n');
  if (end == text.npos) {
    const ConnectionConf& conf = connection_.server().connection;
    if (text.size() <= conf.large_buffer_size) return;
    refuse({.error = http::RequestError::uri_too_long, .text = {}, .field = {}, .previous = {}});
    return;
  }
  on_hq_request(text.substr(0, end));
}

void ServerStream::on_hq_request(std::string_view line) {
  phase_ = Phase::body;
  head_timer_.cancel();
  while (line.ends_with('\r') || line.ends_with(' ')) line.remove_suffix(1);
  Exchange& exchange = *exchange_;
  exchange.request.version = http::Version::http09;
  exchange.request.line = exchange.arena.copy(line);
  size_t space = line.find(' ');
  auto add = [&](std::string_view name, std::string_view value) {
    refused_ |= fields_->add(name, value) == http::RequestFields::Added::refused;
  };
  add(":method", line.substr(0, space));
  add(":scheme", "https");
  add(":path", space == line.npos ? std::string_view() : line.substr(space + 1));
  std::string_view name = facts_.tls->server_name;
  add(":authority", name.empty() ? std::string_view("localhost") : name);
  bool valid = !refused_ && fields_->finish(true);
  if (!take_path() || !valid) {
    refuse(fields_->refusal());
    return;
  }
  fields_.reset();
  exchange.log_action = {};
  exchange.begin();
}

}  // namespace sluice::h3
