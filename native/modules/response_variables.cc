#include "modules/response_variables.h"

#include "base/clock.h"
#include "http/join.h"
#include "modules/header_variables.h"
#include "modules/http_core.h"
#include "modules/variable_text.h"

namespace sluice::variables {

using http::HeaderId;

Value status(Exchange& exchange, std::uintptr_t) {
  unsigned status = exchange.error_status ? exchange.error_status : exchange.response.status;
  // nginx shows an HTTP/0.9 answer, which has no status, as 009.
  if (status == 0 && exchange.request.version == http::Version::http09) status = 9;
  std::span<char> text = exchange.arena.text(3);
  format_padded(text.data(), status, 3);
  return Value::of({text.data(), text.size()});
}

Value bytes_sent(Exchange& exchange, std::uintptr_t) {
  return decimal_value(exchange, exchange.bytes_sent);
}

Value body_bytes_sent(Exchange& exchange, std::uintptr_t) {
  return decimal_value(exchange, exchange.body_bytes_sent);
}

Value request_completion(Exchange& exchange, std::uintptr_t) {
  return Value::of(exchange.completed ? "OK" : "");
}

Value limit_rate(Exchange& exchange, std::uintptr_t) {
  return decimal_value(exchange, exchange.limit_rate.value_or(0));
}

void set_limit_rate(Exchange& exchange, std::string_view value, std::uintptr_t) {
  std::optional<uint64_t> rate = parse_size(value);
  if (rate) {
    exchange.limit_rate = rate;
  } else {
    exchange.log(LogLevel::error, "invalid $limit_rate \"%.*s\"", int(value.size()), value.data());
  }
}

Value sent_content_type(Exchange& exchange, std::uintptr_t) {
  const http::ResponseHead& response = exchange.response;
  if (response.content_type.empty()) return Value::none();
  if (!exchange.head_sent() || response.charset.empty()) return Value::of(response.content_type);
  return Value::of(
      http::join(exchange.arena, {response.content_type, "; charset=", response.charset}));
}

Value sent_content_length(Exchange& exchange, std::uintptr_t) {
  const auto& length = exchange.response.content_length;
  return length ? decimal_value(exchange, *length) : Value::none();
}

Value sent_last_modified(Exchange& exchange, std::uintptr_t data) {
  const auto& time = exchange.response.last_modified;
  if (!time) return known_sent_header(exchange, data);
  std::span<char> text = exchange.arena.text(http_date_size);
  format_http_date(*time, text.first<http_date_size>());
  return Value::of({text.data(), text.size()});
}

namespace {

// As in nginx, a request that is over keeps nothing alive: access logs show `close`.
bool keeps_alive(const Exchange& exchange) { return exchange.keep_alive && !exchange.completed; }

}  // namespace

Value sent_connection(Exchange& exchange, std::uintptr_t) {
  if (exchange.response.status == 101) return Value::of("upgrade");
  return Value::of(keeps_alive(exchange) ? "keep-alive" : "close");
}

Value sent_keep_alive(Exchange& exchange, std::uintptr_t) {
  uint32_t seconds = exchange.conf<CoreConf>().keepalive_header;
  if (!keeps_alive(exchange) || seconds == 0) return Value::none();
  return Value::of(http::join(exchange.arena, {"timeout=", decimal_value(exchange, seconds).text}));
}

Value sent_transfer_encoding(Exchange& exchange, std::uintptr_t) {
  return exchange.response.chunked ? Value::of("chunked") : Value::none();
}

}  // namespace sluice::variables
