#include "http/h1/server_connection.h"

#include <algorithm>
#include <cerrno>

#include "base/clock.h"
#include "http/client_failure.h"
#include "http/h1/request_line.h"
#include "http/uri.h"
#include "modules/http_core.h"
#include "proxy/exchange.h"
#include "proxy/spent_input.h"

namespace sluice::h1 {

void ServerConnection::accept(DataThread& thread, const ListenAddress& listen,
                              net::StreamPtr stream, const http::ConnectionFacts& facts,
                              std::string_view first) {
  auto owned = std::make_unique<ServerConnection>(thread, listen, std::move(stream), facts);
  ServerConnection& connection = *owned;
  thread.add_connection(std::move(owned));
  if (first.empty()) {
    thread.set_idle(connection, true);
    return;
  }
  // As input that was kept: it outlives those who borrow it.
  connection.fresh_input_ = true;
  connection.buffer_ = first;
  connection.process_buffered();
}

ServerConnection::ServerConnection(DataThread& thread, const ListenAddress& listen,
                                   net::StreamPtr stream, const http::ConnectionFacts& facts)
    : thread_(thread), stream_(std::move(stream)), facts_(facts) {
  facts_.stream = stream_.get();
  facts_.remote = &stream_->remote_address();
  facts_.listen = &listen;
  remote_text_ = facts_.remote->text(false);
  facts_.remote_text = remote_text_;
  stream_->set_consumer(*this);
  read_timer_.bind<&ServerConnection::on_read_timeout>(this);
  send_timer_.bind<&ServerConnection::on_send_timeout>(this);
  read_timer_.set(conf().client_header_timeout);
}

ServerConnection::~ServerConnection() = default;

const ConnectionConf& ServerConnection::conf() const { return initial_server(facts_).connection; }

void ServerConnection::on_data(std::span<const char> data) {
  std::string_view input(data.data(), data.size());
  fresh_input_ = true;
  if ((state_ == State::discarding || state_ == State::lingering) && !extend_lingering()) return;
  if (state_ == State::waiting && buffer_.empty()) {
    thread_.set_idle(*this, false);
    reserved_ = false;
  }
  if (!buffer_.empty()) {
    buffer_.append(input);
    process_buffered();
  } else {
    process(input);
  }
}

void ServerConnection::process_buffered() {
  if (state_ == State::closed || processing_ || buffer_.empty()) return;
  auto input = std::make_unique<SpentInput>(std::exchange(buffer_, {}));
  process(input->bytes);
  if (buffer_.size() == input->bytes.size()) {
    // Nobody could use it: a head that trickles in is appended to, not copied at each piece.
    buffer_ = std::move(input->bytes);
  } else {
    thread_.bury(std::move(input));
  }
}

void ServerConnection::on_turn_end() {
  if (!buffer_.empty()) {
    process_buffered();
  } else if (state_ == State::exchange && !processing_) {
    process({});
  }
}

// Feeds the input to whoever is next, as long as somebody takes it; the rest is kept.
void ServerConnection::process(std::string_view input) {
  processing_ = true;
  in_hand_ = &input;
  bool go_on = true;
  while (go_on && state_ != State::closed) {
    switch (state_) {
      case State::waiting:
      case State::head:
        go_on = process_head(input);
        break;
      case State::exchange:
        go_on = process_body(input);
        break;
      case State::discarding:
        go_on = discard_rest(input);
        break;
      case State::tunnel:
        if (!input.empty() && exchange_->source()) exchange_->source()->on_tunnel_data(input);
        input = {};
        go_on = false;
        break;
      case State::lingering:
      case State::closed:
        input = {};
        go_on = false;
        break;
    }
  }
  processing_ = false;
  in_hand_ = nullptr;
  if (state_ != State::closed) keep(input);
}

void ServerConnection::keep(std::string_view input) {
  if (input.empty()) return;
  buffer_.assign(input);
  // While an exchange is in progress, more than this has to wait in the socket.
  if (state_ == State::exchange) stream_->pause_reading();
}

bool ServerConnection::process_head(std::string_view& input) {
  bool begins = !scanner_;
  if (begins) {
    if (input.empty()) return false;
    input.remove_prefix(leading_blank(input));
    if (input.empty()) {
      limit_head_time();
      return false;
    }
    const ConnectionConf& rules = conf();
    limits_ = {rules.client_header_buffer_size, rules.large_buffer_count, rules.large_buffer_size};
    scanner_.emplace(limits_);
    state_ = State::head;
    thread_.counters.reading++;
  }
  switch (scanner_->scan(input)) {
    case RequestScanner::Result::incomplete:
      if (begins) limit_head_time();
      stream_->set_read_size(head_read_size);
      return false;
    case RequestScanner::Result::refused:
      refuse_head(std::exchange(input, {}));
      return false;
    case RequestScanner::Result::complete:
      break;
  }
  std::string_view head = input.substr(0, scanner_->size());
  input.remove_prefix(head.size());
  scanner_.reset();
  start_exchange(head);
  return true;
}

/// Of the first head it is limited since the connection was accepted.
void ServerConnection::limit_head_time() {
  if (facts_.requests > 0) read_timer_.set(conf().client_header_timeout);
}

void ServerConnection::make_exchange() {
  facts_.requests++;
  if (state_ == State::head) thread_.counters.reading--;
  state_ = State::exchange;
  thread_.counters.writing++;
  framer_.start();
  body_wanted_ = false;
  exchange_ = std::make_unique<Exchange>(thread_.runtime(), *this);
  facts_.pipelined = !fresh_input_;
}

// Of a head that will never be complete logs show what there is: the request, if its first line has
// come.
void ServerConnection::make_partial_exchange(std::string_view bytes) {
  bool has_line = scanner_->has_line();
  scanner_.reset();
  read_timer_.cancel();
  make_exchange();
  body_ended_ = true;
  Exchange& exchange = *exchange_;
  size_t feed = std::min(bytes.find('\n'), bytes.size() - 1);
  std::string_view line = exchange.arena.copy(bytes.substr(0, feed + 1));
  if (has_line) {
    exchange.log_action = "reading client request headers";
    size_t rest = 0;
    parse_request_line(line, exchange.request, rest);
    exchange.take_path(conf().merge_slashes);
  } else {
    exchange.log_action = "reading client request line";
    exchange.request.line = line.substr(0, line.find_first_of("\r\n"));
  }
}

void ServerConnection::start_exchange(std::string_view head) {
  read_timer_.cancel();
  make_exchange();
  Exchange& exchange = *exchange_;
  std::string_view bytes = exchange.arena.copy(head);
  const ConnectionConf& rules = conf();
  RequestRules parsing{
      .ignore_invalid_headers = rules.ignore_invalid_headers,
      .underscores_in_headers = rules.underscores_in_headers,
      .max_headers = rules.max_headers,
      .on_ignored_line =
          [](void* context, std::string_view line) {
            static_cast<Exchange*>(context)->log(LogLevel::info,
                                                 "client sent invalid header line: \"%.*s\"",
                                                 int(line.size()), line.data());
          },
      .context = &exchange,
  };
  exchange.log_action = "reading client request headers";
  http::Refusal why;
  body_ended_ = true;
  exchange.request.size = head.size();
  bool valid = parse_request(bytes, parsing, exchange.request, exchange.arena, why) ==
               http::RequestError::none;
  bool has_path = exchange.take_path(rules.merge_slashes);
  if (!valid) {
    refuse(why);
    return;
  }
  if (!has_path) {
    exchange.log(LogLevel::info, "client sent invalid request");
    exchange.reject(400);
    return;
  }
  exchange.log_action = {};
  body_.start(exchange.request, exchange.arena,
              {.max_size = size_t{rules.large_buffer_count} * rules.large_buffer_size,
               .max_fields = rules.max_headers,
               .underscores = rules.underscores_in_headers});
  body_ended_ = exchange.request.content_length.value_or(0) == 0 && !exchange.request.chunked;
  exchange.begin();
}

void ServerConnection::refuse_head(std::string_view bytes) {
  http::Refusal why = scanner_->refusal();
  make_partial_exchange(bytes);
  refuse(why);
}

void ServerConnection::refuse(const http::Refusal& refusal) {
  lost_ = true;
  exchange_->refuse(refusal);
}

// False: nobody wants more for now.
bool ServerConnection::process_body(std::string_view& input) {
  if (body_ended_ || !body_wanted_ || exchange_->body.discarded()) return false;
  std::string_view data;
  switch (body_.next(input, data)) {
    case BodyReader::Event::more:
      read_timer_.set(exchange_->conf<CoreConf>().client_body_timeout);
      return false;
    case BodyReader::Event::data:
      read_timer_.set(exchange_->conf<CoreConf>().client_body_timeout);
      exchange_->body.on_data(data);
      return true;
    case BodyReader::Event::end:
      body_ended_ = true;
      read_timer_.cancel();
      exchange_->body.on_end();
      return true;
    case BodyReader::Event::error:
      exchange_->log(LogLevel::info, "client sent invalid chunked body");
      body_ended_ = lost_ = true;
      exchange_->keep_alive = false;
      read_timer_.cancel();
      exchange_->body.discard();
      input = {};
      exchange_->finalize(Verdict::status(400));
      return true;
  }
  return false;
}

// What has come with the head is looked at now: a body that is malformed shows before the answer.
bool ServerConnection::discard_body() {
  if (!in_hand_ || body_ended_) return true;
  std::string_view data;
  BodyReader::Event event;
  do {
    event = body_.next(*in_hand_, data);
  } while (event == BodyReader::Event::data);
  if (event == BodyReader::Event::more) return true;
  body_ended_ = true;
  lost_ = event == BodyReader::Event::error;
  return !lost_;
}

bool ServerConnection::discard_rest(std::string_view& input) {
  std::string_view data;
  switch (body_.next(input, data)) {
    case BodyReader::Event::more:
      return false;
    case BodyReader::Event::data:
      return true;
    case BodyReader::Event::end:
      body_ended_ = true;
      end_request(keep_after_discard_);
      return true;
    case BodyReader::Event::error:
      lost_ = true;
      end_request(false);
      return true;
  }
  return false;
}

void ServerConnection::on_end() {
  client_closed_ = true;
  switch (state_) {
    case State::waiting:
      log_leave();
      [[fallthrough]];
    case State::discarding:
    case State::lingering:
      close();
      return;
    case State::head:
      make_partial_exchange(buffer_);
      exchange_->log(LogLevel::info, "client prematurely closed connection");
      abort_exchange(400);
      return;
    case State::tunnel:
      if (exchange_->source()) exchange_->source()->on_tunnel_end();
      return;
    case State::exchange:
      if (!body_ended_ && exchange_->body.begun() && !exchange_->body.discarded()) {
        exchange_->log(LogLevel::info, "client prematurely closed connection");
        abort_exchange(400);
      } else if (!exchange_->on_client_closed()) {
        exchange_->log(LogLevel::info, "client prematurely closed connection");
        abort_exchange(499);
      }
      return;
    case State::closed:
      return;
  }
}

void ServerConnection::on_error(int error) {
  const http::ClientFailure failure(facts_, error);
  bool in_head = state_ == State::head;
  if (state_ == State::waiting) {
    // It is no news that a client needs its connection no longer.
    if (facts_.requests == 0 || error != ECONNRESET) {
      log_waiting(failure.level, failure.error, failure.text);
    }
  } else if (in_head) {
    make_partial_exchange(buffer_);
  }
  if (!exchange_) {
    close();
    return;
  }
  exchange_->log_errno(failure.level, failure.error, "%.*s", int(failure.text.size()),
                       failure.text.data());
  abort_exchange(in_head || (state_ == State::exchange && !body_ended_) ? 400 : 499);
}

}  // namespace sluice::h1
