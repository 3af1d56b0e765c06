#include "modules/http_static.h"

#include <algorithm>
#include <cerrno>

#include "base/encode.h"
#include "base/number.h"
#include "modules/content_type.h"
#include "modules/http_core.h"
#include "proxy/exchange.h"
#include "proxy/file_cache.h"
#include "proxy/file_path.h"

namespace sluice {

namespace {

using http::HeaderId;
using http::Method;

Verdict cannot_open(Exchange& exchange, const FoundFile& found, std::string_view path) {
  LogLevel level = LogLevel::error;
  uint16_t status;
  switch (found.error) {
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG:
      status = 404;
      break;
    case EACCES:
    case EMLINK:
    case ELOOP:
      status = 403;
      break;
    default:
      level = LogLevel::crit;
      status = 500;
  }
  if (status != 404 || exchange.conf<CoreConf>().log_not_found) {
    exchange.log_errno(level, found.error, "%s \"%s\" failed", found.failed, path.data());
  }
  return Verdict::status(status);
}

/// Sends the client to the same URI with a slash: relative links in a directory's page need it.
Verdict add_slash(Exchange& exchange) {
  std::string_view args = exchange.args;
  std::span<char> text =
      exchange.arena.text(escaped_size(Escape::uri, exchange.uri) + 2 + args.size());
  char* end = escape(Escape::uri, exchange.uri, text.data());
  *end++ = '/';
  if (!args.empty()) {
    *end++ = '?';
    end = std::copy(args.begin(), args.end(), end);
  }
  exchange.response.headers.set(HeaderId::location, "Location",
                                exchange.arena.trim(text, size_t(end - text.data())));
  return Verdict::status(301);
}

/// nginx's entity tag: time of modification and length, in hex.
std::string_view entity_tag(Exchange& exchange, const FoundFile& file) {
  std::span<char> text = exchange.arena.text(3 + 2 * max_hex_size);
  char* end = text.data();
  *end++ = '"';
  end = format_hex(end, uint64_t(file.modified));
  *end++ = '-';
  end = format_hex(end, file.size);
  *end++ = '"';
  return exchange.arena.trim(text, size_t(end - text.data()));
}

http::Piece whole_body(FoundFile& file) {
  http::Piece piece;
  piece.last = true;
  if (file.size == 0) return piece;
  if (!file.bytes.empty()) {
    piece.bytes = file.bytes;
  } else {
    piece.file = std::move(file.file);
    piece.length = file.size;
  }
  return piece;
}

Verdict send_file(Exchange& exchange, FoundFile& file) {
  if (!exchange.body.discard()) return Verdict::status(400);
  exchange.log_action = "sending response to client";
  http::ResponseHead& response = exchange.response;
  response.status = 200;
  response.content_length = file.size;
  response.last_modified = file.modified;
  if (exchange.conf<CoreConf>().etag) {
    response.headers.add("ETag", entity_tag(exchange, file), HeaderId::etag);
  }
  if (response.content_type.empty()) response.content_type = content_type_of(exchange);
  exchange.allow_ranges = true;

  Verdict verdict = exchange.send_head();
  if (!verdict.is_ok() || exchange.header_only) return verdict;
  return exchange.send_body(whole_body(file));
}

Verdict serve(Exchange& exchange) {
  Method method = exchange.request.method;
  if (method != Method::get && method != Method::head && method != Method::post) {
    return Verdict::status(405);
  }
  if (exchange.uri.ends_with('/')) return Verdict::declined();

  std::optional<std::string_view> path = file_path(exchange, exchange.uri);
  if (!path) return Verdict::status(500);
  FoundFile file = find_file(exchange, *path);
  if (!file) return cannot_open(exchange, file, *path);
  exchange.root_tested = !exchange.in_error_page;
  if (file.is_directory) return add_slash(exchange);
  if (!file.is_regular) {
    exchange.log(LogLevel::crit, "\"%s\" is not a regular file", path->data());
    return Verdict::status(404);
  }
  if (method == Method::post) return Verdict::status(405);
  return send_file(exchange, file);
}

constexpr PhaseHandler phases[] = {{Phase::content, serve}};

}  // namespace

const Module http_static = {
    .id = ModuleId::http_static,
    .name = "http_static",
    .phases = phases,
};

}  // namespace sluice
