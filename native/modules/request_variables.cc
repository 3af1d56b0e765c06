#include "modules/request_variables.h"

#include <sys/random.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <functional>

#include "base/clock.h"
#include "base/encode.h"
#include "http/join.h"
#include "modules/variable_text.h"
#include "proxy/basic_credentials.h"
#include "proxy/file_path.h"

namespace sluice::variables {

namespace {

Value if_said(std::string_view text) { return text.data() ? Value::of(text) : Value::none(); }

bool lies_in(std::string_view part, std::string_view whole) {
  std::less_equal<> not_after;
  return part.data() && not_after(whole.data(), part.data()) &&
         not_after(part.data(), whole.data() + whole.size());
}

// Sixteen identifiers for one system call.
struct RandomBytes {
  static constexpr size_t id_size = 16;
  char bytes[16 * id_size];
  size_t used = sizeof bytes;

  std::string_view next() {
    if (used == sizeof bytes) {
      while (getrandom(bytes, sizeof bytes, 0) < 0 && errno == EINTR) {
      }
      used = 0;
    }
    std::string_view id(bytes + used, id_size);
    used += id_size;
    return id;
  }
};

}  // namespace

Value request_line(Exchange& exchange, std::uintptr_t) { return if_said(exchange.request.line); }

Value request_method(Exchange& exchange, std::uintptr_t) {
  return if_said(exchange.main().request.method_name);
}

// nginx's unparsed URI: the target without scheme and authority.
Value request_uri(Exchange& exchange, std::uintptr_t) {
  const http::RequestHead& request = exchange.request;
  std::string_view target = request.target;
  if (request.authority.empty() || target.starts_with('/')) return if_said(target);
  if (!request.path.empty() && lies_in(request.path, target)) {
    return Value::of(target.substr(size_t(request.path.data() - target.data())));
  }
  if (request.has_query && lies_in(request.query, target)) {
    return Value::of(target.substr(size_t(request.query.data() - target.data()) - 1));
  }
  return Value::of("/");
}

Value server_protocol(Exchange& exchange, std::uintptr_t) {
  const http::RequestHead& request = exchange.request;
  if (request.version > http::Version::http11) {
    return Value::of(http::version_name(request.version));
  }
  // As it was said: HTTP/1.2 is served as 1.1, and HTTP/0.9 says nothing.
  size_t space = request.line.rfind(' ');
  std::string_view said = request.line.substr(space + 1);
  return space != request.line.npos && said.starts_with("HTTP/") ? Value::of(said) : Value::none();
}

Value host(Exchange& exchange, std::uintptr_t) {
  std::string_view host = exchange.request.host;
  return Value::of(host.empty() ? exchange.server->name : host);
}

Value request_port(Exchange& exchange, std::uintptr_t) {
  return port_value(exchange, exchange.request.host_port);
}

Value is_request_port(Exchange& exchange, std::uintptr_t) {
  return Value::of(exchange.request.host_port ? ":" : "");
}

Value remote_user(Exchange& exchange, std::uintptr_t) {
  std::optional<BasicCredentials> credentials = basic_credentials(exchange);
  return credentials ? Value::of(credentials->user) : Value::none();
}

Value uri(Exchange& exchange, std::uintptr_t) {
  if (!exchange.uri.empty()) return Value::of(exchange.uri);
  // A path that could not be decoded shows as an empty one.
  return exchange.request.path.empty() ? Value::none() : Value::of({});
}

Value args(Exchange& exchange, std::uintptr_t) { return if_said(exchange.args); }

void set_args(Exchange& exchange, std::string_view value, std::uintptr_t) {
  exchange.args = value;
  exchange.uri_is_original = false;
}

Value is_args(Exchange& exchange, std::uintptr_t) {
  return Value::of(exchange.args.empty() ? "" : "?");
}

Value argument(Exchange& exchange, std::uintptr_t data) {
  std::string_view name = *reinterpret_cast<const std::string_view*>(data);
  std::string_view rest = exchange.args;
  while (!name.empty() && rest.size() > name.size()) {
    size_t end = std::min(rest.find('&'), rest.size());
    if (end > name.size() && rest[name.size()] == '=' &&
        http::iequals(rest.substr(0, name.size()), name)) {
      return Value::of(rest.substr(name.size() + 1, end - name.size() - 1));
    }
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return Value::none();
}

Value content_length(Exchange& exchange, std::uintptr_t) {
  const http::RequestHead& request = exchange.request;
  if (const http::Header* field = request.headers.find(http::HeaderId::content_length)) {
    return Value::of(field->value);
  }
  if (request.content_length) return decimal_value(exchange, *request.content_length);
  // Once all of a chunked body was read, its length is known.
  if (request.chunked && exchange.body.begun() && exchange.body.complete()) {
    return decimal_value(exchange, exchange.body.size());
  }
  return Value::none();
}

Value request_body(Exchange& exchange, std::uintptr_t) {
  std::span<const char> memory = exchange.body.memory();
  if (memory.empty() || exchange.body.file()) return Value::none();
  return Value::of({memory.data(), memory.size()});
}

Value request_body_file(Exchange& exchange, std::uintptr_t) {
  const TempFile* file = exchange.body.file();
  return file ? Value::of(file->name()) : Value::none();
}

Value root(Exchange& exchange, std::uintptr_t) { return Value::of(document_root(exchange)); }

Value real_root(Exchange& exchange, std::uintptr_t) {
  std::string_view path =
      http::join(exchange.arena, {document_root(exchange), std::string_view("", 1)});
  char real[PATH_MAX];
  if (!realpath(path.data(), real)) {
    exchange.log_errno(LogLevel::crit, errno, "realpath() \"%s\" failed", path.data());
    return Value::none();
  }
  return copied_value(exchange, real);
}

Value request_filename(Exchange& exchange, std::uintptr_t) {
  std::optional<std::string_view> path = file_path(exchange, exchange.uri);
  return path ? Value::of(*path) : Value::none();
}

Value request_id(Exchange& exchange, std::uintptr_t) {
  thread_local RandomBytes random;
  std::span<char> text = exchange.arena.text(2 * RandomBytes::id_size);
  encode_hex(random.next(), text.data());
  return Value::of({text.data(), text.size()});
}

Value request_length(Exchange& exchange, std::uintptr_t) {
  return decimal_value(exchange, exchange.request.size + exchange.body.size());
}

Value request_time(Exchange& exchange, std::uintptr_t) {
  return seconds_value(exchange, int64_t(Clock::of_thread().monotonic_ms()) - exchange.started_ms);
}

}  // namespace sluice::variables
