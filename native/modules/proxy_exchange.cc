// The request that goes to an HTTP upstream.

#include "modules/proxy_exchange.h"

#include "base/encode.h"
#include "base/number.h"
#include "http/h1/client_codec.h"
#include "http/h1/head_writer.h"
#include "http/h2/client_codec.h"
#include "http/h2/shared_client.h"
#include "http/section_names.h"
#include "proxy/locations.h"

namespace sluice {

ProxyExchange::ProxyExchange(Exchange& the_exchange, const ProxyConf& conf)
    : UpstreamExchange(the_exchange, conf.upstream),
      conf_(conf),
      fields_(the_exchange.arena),
      trailers_(the_exchange.arena) {
  scheme = conf.scheme;
  secured = conf.secured;
  host_header_ = conf.host_header;
  port_ = conf.port;
  uri_part_ = conf.uri;
}

bool ProxyExchange::streams_body() {
  const http::RequestHead& request = exchange.request;
  bool framed = !request.chunked || conf_.version >= http::Version::http11;
  return !conf.request_buffering && !conf_.body && conf.pass_request_body && framed &&
         !exchange.body.complete();
}

bool ProxyExchange::create_request() {
  std::string_view method = exchange.request.method_name;
  method_ = exchange.request.method;
  if (conf_.method) {
    method = conf_.method.evaluate(exchange);
    method_ = http::iequals(method, "HEAD") ? http::Method::head : http::Method::get;
  }
  std::string_view host = conf_.host ? conf_.host.evaluate(exchange) : std::string_view();
  if (!conf_.host || (host.empty() && conf_.version >= http::Version::http11)) host = host_header_;

  uri = make_uri();
  if (uri.empty()) {
    exchange.log(LogLevel::error, "zero length URI to proxy");
    return false;
  }
  own_body_ = conf_.body ? conf_.body.evaluate(exchange) : std::string_view();
  describe_body();
  if (shares_connections()) {
    list_fields(method, host);
  } else {
    write_head(method, host);
  }
  return true;
}

void ProxyExchange::write_head(std::string_view method, std::string_view host) {
  std::span<std::string_view> values = exchange.arena.array<std::string_view>(conf_.headers.size());
  size_t size = h1::request_line_size(method, uri) + 2 + own_body_.size();
  if (!host.empty()) size += h1::field_size("Host", host);
  auto value = values.begin();
  for (const ProxyHeader& header : conf_.headers) {
    *value = value_of(header);
    size += h1::field_size(header.name, *value++);
  }
  if (conf.pass_request_headers) {
    for (const http::Header& header : exchange.request.headers) {
      size += h1::field_size(header.name, header.value);
    }
  }

  // Not all of this may go on: what is too much is given back.
  std::span<char> text = exchange.arena.text(size);
  h1::HeadWriter writer(text);
  h1::write_request_line(writer, method, uri, conf_.version);
  if (!host.empty()) writer.field("Host", host);
  value = values.begin();
  for (const ProxyHeader& header : conf_.headers) {
    if (!value->empty()) writer.field(header.name, *value);
    ++value;
  }
  if (conf.pass_request_headers) {
    for (const http::Header& header : exchange.request.headers) {
      if (goes_on(header)) writer.field(header.name, header.value);
    }
  }
  writer.text("\r\n", own_body_);
  request_text_ = exchange.arena.trim(text, writer.size());
  wants_upgrade = exchange.request.headers.find(http::HeaderId::upgrade) != nullptr;
}

// RFC 9113 section 8.3.1: what HTTP/1 has in the request line and in Host comes first.
void ProxyExchange::list_fields(std::string_view method, std::string_view host) {
  fields_.clear();
  fields_.add(":method", method, http::HeaderId::other);
  fields_.add(":scheme", secured ? "https" : "http", http::HeaderId::other);
  fields_.add(":path", uri, http::HeaderId::other);
  fields_.add(":authority", host, http::HeaderId::other);
  auto add = [&](std::string_view name, std::string_view value) {
    http::HeaderId id = http::header_id(name);
    if (value.empty() || http::is_connection_specific(id, value)) return;
    fields_.add(http::lower_name(name, exchange.arena), value, id);
  };
  for (const ProxyHeader& header : conf_.headers) add(header.name, value_of(header));
  if (!conf.pass_request_headers) return;
  for (const http::Header& header : exchange.request.headers) {
    if (goes_on(header)) add(header.name, header.value);
  }
}

bool ProxyExchange::goes_on(const http::Header& header) const {
  return !conf_.replaced.contains(header);
}

// What the configuration says of a field holds wherever the client puts it.
const http::HeaderList& ProxyExchange::trailers() {
  trailers_.clear();
  if (!conf.pass_trailers) return trailers_;
  for (const http::Header& trailer : exchange.request.trailers) {
    if (goes_on(trailer)) trailers_.add(trailer.name, trailer.value, trailer.id);
  }
  return trailers_;
}

/// Trailers need chunks in HTTP/1. Of a body that is sent on as it comes it isn't known whether
/// there will be any, but for what the head announces.
bool ProxyExchange::makes_place_for_trailers() {
  if (!sends_body || conf_.version < http::Version::http11) return false;
  if (exchange.body.complete()) return !trailers().empty();
  return conf.pass_trailers && exchange.request.headers.find(http::HeaderId::trailer);
}

std::string_view ProxyExchange::value_of(const ProxyHeader& header) {
  switch (header.kind) {
    case ProxyHeader::Kind::body_length:
      return body_length_;
    case ProxyHeader::Kind::chunked:
      return chunked_ ? "chunked" : "";
    case ProxyHeader::Kind::text:
      return header.value.evaluate(exchange);
  }
  return {};
}

void ProxyExchange::describe_body() {
  sends_body = !conf_.body && conf.pass_request_body;
  std::optional<uint64_t> length;
  if (conf_.body) {
    length = own_body_.size();
  } else if (exchange.request.chunked) {
    // Once all of it has arrived, its length is known.
    if (exchange.body.complete()) length = exchange.body.size();
  } else {
    length = exchange.request.content_length;
  }
  chunked_ = !conf_.body && ((exchange.request.chunked && !length) || makes_place_for_trailers());
  if (chunked_ && !shares_connections()) length.reset();
  body_length_ = {};
  if (length) {
    std::span<char> text = exchange.arena.text(decimal_size(*length));
    format_decimal(text.data(), *length);
    body_length_ = {text.data(), text.size()};
  }
}

// https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_pass: as it came; or with the
// location's part replaced; or, with variables, just what they say.
std::string_view ProxyExchange::make_uri() {
  if (conf_.url && !uri_part_.empty()) return uri_part_;
  if (uri_part_.empty() && exchange.uri_is_original) return exchange.request.uri;

  std::string_view rest = exchange.uri;
  std::string_view prefix;
  if (exchange.valid_location && !uri_part_.empty()) {
    rest.remove_prefix(std::min(rest.size(), conf_.location.size()));
    prefix = uri_part_;
  }
  std::string_view args = exchange.args;
  bool quoted = exchange.internal || exchange.request.path.find('%') != std::string_view::npos;
  if (quoted) rest = escape(Escape::uri, rest, exchange.arena);
  std::span<char> text =
      exchange.arena.text(prefix.size() + rest.size() + (args.empty() ? 0 : 1 + args.size()));
  char* out = std::copy(prefix.begin(), prefix.end(), text.data());
  out = std::copy(rest.begin(), rest.end(), out);
  if (!args.empty()) {
    *out++ = '?';
    std::copy(args.begin(), args.end(), out);
  }
  return {text.data(), text.size()};
}

UpstreamCodec& ProxyExchange::make_codec() {
  Arena& arena = exchange.arena;
  if (shares_connections()) {
    bool follows = sends_body &&
                   (exchange.body.size() > 0 || !exchange.body.complete() || !trailers().empty());
    h2::ClientCodec::Request request{
        .fields = fields_, .method = method_, .body = own_body_, .body_follows = follows};
    return *arena.make<h2::ClientCodec>(arena, request, conf.buffer_size, conf.pass_trailers);
  }
  h1::ClientCodec::Request request{
      .head = request_text_, .method = method_, .chunked = chunked_, .upgrade = wants_upgrade};
  return *arena.make<h1::ClientCodec>(arena, request, conf.buffer_size, conf.pass_trailers);
}

std::unique_ptr<SharedUpstream> ProxyExchange::make_shared_upstream() {
  return std::make_unique<h2::SharedClient>(exchange.runtime.thread);
}

std::string_view ProxyExchange::protocols() const {
  return shares_connections() ? "\x02h2" : std::string_view();
}

bool ProxyExchange::rewrite_redirect(std::string_view& value, size_t prefix) {
  return conf_.redirects.apply(exchange, value, prefix);
}

void ProxyExchange::rewrite_cookie(std::string_view& value) {
  if (conf_.cookie_domains.empty() && conf_.cookie_paths.empty() && conf_.cookie_flags.empty())
    return;
  sluice::rewrite_cookie(exchange, value, conf_.cookie_domains, conf_.cookie_paths,
                         conf_.cookie_flags);
}

}  // namespace sluice
