// What an upstream's response head becomes of for the client.

#include "base/clock.h"
#include "base/number.h"
#include "http/unsafe_uri.h"
#include "modules/http_core.h"
#include "proxy/upstream_exchange.h"

namespace sluice {

using http::Header;
using http::HeaderId;

namespace {

// Of these nginx takes the first and complains about the others.
constexpr http::HeaderIds single = {HeaderId::status,
                                    HeaderId::content_type,
                                    HeaderId::date,
                                    HeaderId::last_modified,
                                    HeaderId::etag,
                                    HeaderId::server,
                                    HeaderId::location,
                                    HeaderId::refresh,
                                    HeaderId::expires,
                                    HeaderId::x_accel_redirect,
                                    HeaderId::x_accel_expires,
                                    HeaderId::x_accel_limit_rate};

constexpr http::HeaderIds controls = {HeaderId::x_accel_limit_rate, HeaderId::x_accel_buffering,
                                      HeaderId::x_accel_redirect};

// What an X-Accel-Redirect response says about the response to come.
constexpr http::HeaderIds survives_redirect = {
    HeaderId::content_type,  HeaderId::set_cookie, HeaderId::content_disposition,
    HeaderId::cache_control, HeaderId::expires,    HeaderId::accept_ranges};

// The upstream's framing and persistence end here: the client's connection has its own.
constexpr http::HeaderIds of_connection = {HeaderId::content_length, HeaderId::connection,
                                           HeaderId::keep_alive, HeaderId::transfer_encoding};

// What may have to change on its way.
constexpr http::HeaderIds adapted = {HeaderId::content_type,  HeaderId::location,
                                     HeaderId::refresh,       HeaderId::set_cookie,
                                     HeaderId::accept_ranges, HeaderId::upgrade};

// Gone through with a head's fields: true if this one is to be passed over.
bool is_repeated(HeaderId id, http::HeaderIds& seen) {
  if (!single.contains(id)) return false;
  if (seen.contains(id)) return true;
  seen.add(id);
  return false;
}

size_t find_caseless(std::string_view text, std::string_view what) {
  for (size_t at = 0; at + what.size() <= text.size(); ++at) {
    if (http::iequals(text.substr(at, what.size()), what)) return at;
  }
  return text.npos;
}

}  // namespace

/// True: the response is on its way to the client. False: something else happened, and this object
/// may be gone.
bool UpstreamExchange::take_head() {
  const http::ResponseHead& head = codec_->head();
  exchange.upstream_history->head = &head;
  uint16_t status = head.status;
  if (try_->status == 0) try_->status = status;
  try_->header_time = int64_t(Clock::of_thread().monotonic_ms() - try_started_ms_);
  if (status >= 300 && (try_next_for_status(status) || intercept(status))) return false;

  if (!read_controls()) return false;
  copy_fields();
  // As nginx: limit_rate is for responses that are buffered.
  if (!buffering_) exchange.limit_rate = 0;
  phase_ = Phase::body;
  exchange.log_action = "sending to client";
  if (status == 101 && !wants_upgrade) {
    // Nobody asked for it: what follows is in no protocol that the client speaks.
    exchange.header_only = true;
    exchange.keep_alive = false;
  }
  Verdict verdict = exchange.send_head();
  if (!verdict.is_ok()) {
    finish(verdict);
    return false;
  }
  if (status == 101 && wants_upgrade) return true;
  if (exchange.header_only) {
    finish(Verdict::ok());
    return false;
  }
  exchange.log_action = "reading upstream";
  if (conf.limit_rate && buffering_) {
    limit_rate_ = parse_size(conf.limit_rate.evaluate(exchange)).value_or(0);
    if (limit_rate_)
      connection_->stream().set_read_size(std::min<uint64_t>(limit_rate_, body_read_size));
  }
  if (!limit_rate_)
    connection_->stream().set_read_size(buffering_ ? body_read_size : conf.buffer_size);
  return true;
}

// proxy_intercept_errors: an error_page takes the answer's place.
bool UpstreamExchange::intercept(uint16_t status) {
  if (!conf.intercept_errors) return false;
  for (const ErrorPage& page : exchange.conf<CoreConf>().error_pages) {
    if (page.status != status) continue;
    if (status == 401) {
      for (const Header& field : codec_->head().headers) {
        if (field.id == HeaderId::www_authenticate)
          exchange.response.headers.add(field.name, field.value, field.id);
      }
    }
    finish(Verdict::status(status));
    return true;
  }
  return false;
}

// X-Accel-* (https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_ignore_headers), and
// what comes twice.
bool UpstreamExchange::read_controls() {
  const http::HeaderList& fields = codec_->head().headers;
  if (!fields.ids().meets(controls) && !fields.repeated().meets(single)) return true;
  http::HeaderIds seen;
  const Header* redirect = nullptr;
  for (const Header& field : fields) {
    if (is_repeated(field.id, seen)) {
      const Header& previous = *fields.find(field.id);
      exchange.log(LogLevel::warn,
                   "upstream sent duplicate header line: \"%.*s: %.*s\", previous value: \"%.*s: "
                   "%.*s\", ignored",
                   int(field.name.size()), field.name.data(), int(field.value.size()),
                   field.value.data(), int(previous.name.size()), previous.name.data(),
                   int(previous.value.size()), previous.value.data());
    } else if (field.id == HeaderId::x_accel_limit_rate && !conf.ignore_accel_limit_rate) {
      if (auto rate = parse_decimal(field.value)) exchange.limit_rate = *rate;
    } else if (field.id == HeaderId::x_accel_buffering && !conf.ignore_accel_buffering) {
      if (http::iequals(field.value, "no")) buffering_ = false;
      if (http::iequals(field.value, "yes")) buffering_ = true;
    } else if (field.id == HeaderId::x_accel_redirect) {
      redirect = &field;
    }
  }
  if (!redirect || conf.ignore_accel_redirect) return true;
  redirect_internally(redirect->value);
  return false;
}

void UpstreamExchange::redirect_internally(std::string_view to) {
  phase_ = Phase::finished;
  end_try(reusable());
  exchange.log_action = {};
  exchange.set_source(nullptr);
  for (const Header& field : codec_->head().headers) {
    if (survives_redirect.contains(field.id)) copy_field(field);
  }
  if (to.starts_with('@')) {
    exchange.redirect_named(to);
    return;
  }
  std::optional<http::UnsafeUri> internal = http::parse_unsafe_uri(to, exchange.arena);
  if (!internal) {
    exchange.log(LogLevel::error, "unsafe URI \"%.*s\" was detected", int(to.size()), to.data());
    exchange.finalize(Verdict::status(404));
    return;
  }
  if (exchange.request.method != http::Method::head) {
    exchange.request.method = http::Method::get;
    exchange.request.method_name = "GET";
  }
  exchange.redirect(internal->path, internal->args);
}

void UpstreamExchange::copy_fields() {
  const http::ResponseHead& head = codec_->head();
  http::ResponseHead& response = exchange.response;
  bool repeats = head.headers.repeated().meets(single);
  http::HeaderIds seen;
  for (const Header& field : head.headers) {
    if (repeats && is_repeated(field.id, seen)) continue;
    if (!conf.hidden.contains(field)) copy_field(field);
  }
  // proxy_pass_header Server: if the upstream has none, there is none.
  response.without_server =
      !conf.hidden.contains({.name = "Server", .value = {}, .id = HeaderId::server});
  response.without_date =
      !conf.hidden.contains({.name = "Date", .value = {}, .id = HeaderId::date});
  response.status = head.status;
  response.reason = head.reason;
  if (!head.chunked) response.content_length = head.content_length;
  response.expect_trailers = conf.pass_trailers && head.chunked;
  exchange.unconditional = true;
  if (conf.force_ranges) exchange.allow_ranges = exchange.single_range = true;
}

void UpstreamExchange::copy_field(const Header& field) {
  if (of_connection.contains(field.id)) return;
  if (adapted.contains(field.id)) {
    adapt_field(field);
    return;
  }
  exchange.response.headers.add(field.name, field.value, field.id);
}

void UpstreamExchange::adapt_field(const Header& field) {
  http::HeaderList& to = exchange.response.headers;
  switch (field.id) {
    case HeaderId::content_type:
      copy_content_type(field.value);
      return;
    case HeaderId::location:
      copy_location(field);
      return;
    case HeaderId::refresh:
      copy_refresh(field);
      return;
    case HeaderId::set_cookie: {
      std::string_view value = field.value;
      rewrite_cookie(value);
      to.add(field.name, value, field.id);
      return;
    }
    case HeaderId::accept_ranges:
      if (conf.force_ranges) return;
      break;
    case HeaderId::upgrade:
      if (exchange.request.version >= http::Version::http2) return;
      break;
    default:
      break;
  }
  to.add(field.name, field.value, field.id);
}

// The charset stands apart, for filters that change it.
void UpstreamExchange::copy_content_type(std::string_view value) {
  exchange.response.content_type = value;
  for (size_t semicolon = value.find(';'); semicolon != value.npos;
       semicolon = value.find(';', semicolon + 1)) {
    size_t at = value.find_first_not_of(' ', semicolon + 1);
    if (at == value.npos) return;
    std::string_view parameter = value.substr(at);
    constexpr std::string_view name = "charset=";
    if (!http::iequals(parameter.substr(0, name.size()), name)) continue;
    exchange.response.content_type = value.substr(0, semicolon);
    std::string_view charset = parameter.substr(name.size());
    if (charset.starts_with('"')) charset.remove_prefix(1);
    if (charset.ends_with('"')) charset.remove_suffix(1);
    exchange.response.charset = charset;
    return;
  }
}

// A relative Location that no proxy_redirect has touched stays relative: only the proxy's own are
// made absolute.
void UpstreamExchange::copy_location(const Header& field) {
  std::string_view value = field.value;
  bool own = rewrites_redirects() ? rewrite_redirect(value, 0) : !value.starts_with('/');
  exchange.response.headers.add(field.name, value, own ? HeaderId::location : HeaderId::other);
}

void UpstreamExchange::copy_refresh(const Header& field) {
  std::string_view value = field.value;
  if (rewrites_redirects()) {
    size_t url = find_caseless(value, "url=");
    if (url != value.npos) rewrite_redirect(value, url + 4);
  }
  exchange.response.headers.add(field.name, value, field.id);
}

void UpstreamExchange::copy_trailers() {
  if (!conf.pass_trailers) return;
  for (const Header& field : codec_->head().trailers) {
    if (!conf.hidden.contains(field))
      exchange.response.trailers.add(field.name, field.value, field.id);
  }
}

}  // namespace sluice
