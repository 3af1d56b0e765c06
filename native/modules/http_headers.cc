#include "modules/http_headers.h"

#include <algorithm>
#include <array>
#include <ctime>

#include "base/clock.h"
#include "base/number.h"
#include "modules/expires_time.h"
#include "proxy/exchange.h"

namespace sluice {

namespace {

using http::HeaderId;
using Expires = HeadersConf::Expires;

std::vector<HeadersConf::Field> read_fields(const plan::Node& nodes) {
  std::vector<HeadersConf::Field> fields;
  for (const plan::Node& node : nodes.items()) {
    std::string_view name = node["name"].text();
    fields.push_back(
        {name, Template::read(node["value"]), node["always"].boolean(), http::header_id(name)});
  }
  return fields;
}

std::unique_ptr<ModuleConf> read_conf(Runtime&, const plan::Node& node) {
  auto conf = std::make_unique<HeadersConf>();
  conf->headers = read_fields(node["headers"]);
  conf->trailers = read_fields(node["trailers"]);
  const plan::Node& expires = node["expires"];
  conf->expires.kind = expires_kind(expires["kind"].text());
  conf->expires.seconds = expires["seconds"].integer();
  conf->expires_text = Template::read(expires["text"]);
  return conf;
}

/// The statuses that fields without `always` are added to.
bool is_ordinary(uint16_t status) {
  constexpr uint16_t ordinary[] = {200, 201, 204, 206, 301, 302, 303, 304, 307, 308};
  return std::find(std::begin(ordinary), std::end(ordinary), status) != std::end(ordinary);
}

std::string_view max_age(Exchange& exchange, int64_t seconds) {
  constexpr std::string_view prefix = "max-age=";
  std::span<char> text = exchange.arena.text(prefix.size() + max_decimal_size);
  char* end = std::copy(prefix.begin(), prefix.end(), text.data());
  end = format_decimal(end, uint64_t(seconds));
  return exchange.arena.trim(text, end - text.data());
}

std::string_view http_date(Exchange& exchange, int64_t seconds) {
  std::span<char> text = exchange.arena.text(http_date_size);
  format_http_date(seconds, text.first<http_date_size>());
  return {text.data(), text.size()};
}

void set_expires(Exchange& exchange, const HeadersConf& conf) {
  Expires expires = conf.expires;
  if (conf.expires_text) {
    std::optional<Expires> computed =
        parse_expires(conf.expires_text.evaluate(exchange), expires.kind);
    if (!computed || computed->kind == Expires::Kind::off) return;
    expires = *computed;
  }

  int64_t now = Clock::of_thread().seconds();
  int64_t when = 0;
  int64_t age = 0;
  auto answer = [&](std::string_view date, std::string_view cache_control) {
    exchange.response.headers.set(HeaderId::expires, "Expires", date);
    exchange.response.headers.set(HeaderId::cache_control, "Cache-Control", cache_control);
  };
  switch (expires.kind) {
    case Expires::Kind::off:
      return;
    case Expires::Kind::epoch:
      return answer("Thu, 01 Jan 1970 00:00:01 GMT", "no-cache");
    case Expires::Kind::max:
      // Ten years; the date is the last that 32 bits are sure to hold.
      return answer("Thu, 31 Dec 2037 23:55:55 GMT", "max-age=315360000");
    case Expires::Kind::daily:
      when = next_local_time(expires.seconds, now);
      age = when - now;
      break;
    case Expires::Kind::modified:
      if (std::optional<int64_t> modified = exchange.response.modified();
          modified && expires.seconds != 0) {
        when = *modified + expires.seconds;
        age = when - now;
        break;
      }
      [[fallthrough]];
    case Expires::Kind::access:
      when = now + expires.seconds;
      age = expires.seconds;
      break;
  }
  // A configured negative time says no-cache, even where it lies in the future.
  bool past = age < 0 || conf.expires.seconds < 0;
  answer(http_date(exchange, when), past ? "no-cache" : max_age(exchange, age));
}

/// Replaces what the handler said; an empty value takes it away.
void replace(Exchange& exchange, const HeadersConf::Field& field, std::string_view value) {
  if (value.empty()) {
    exchange.response.headers.remove(field.header);
  } else {
    exchange.response.headers.set(field.header, field.name, value);
  }
}

void add(Exchange& exchange, const HeadersConf::Field& field) {
  std::string_view value = field.value.evaluate(exchange);
  switch (field.header) {
    case HeaderId::etag:
      return replace(exchange, field, value);
    case HeaderId::last_modified:
      replace(exchange, field, value);
      exchange.response.last_modified.reset();
      return;
    default:
      if (!value.empty()) exchange.response.headers.add(field.name, value, field.header);
  }
}

/// Fills the trailers when the body has ended, and their variables are known.
class TrailerFilter : public BodyFilter {
 public:
  Verdict write(Exchange& exchange, const http::Piece& piece) override {
    if (piece.last && !exchange.header_only) add_trailers(exchange);
    return next(exchange, piece);
  }

 private:
  static void add_trailers(Exchange& exchange) {
    bool ordinary = is_ordinary(exchange.response.status);
    for (const HeadersConf::Field& field : exchange.conf<HeadersConf>().trailers) {
      if (!ordinary && !field.always) continue;
      std::string_view value = field.value.evaluate(exchange);
      if (!value.empty()) exchange.response.trailers.add(field.name, value, field.header);
    }
  }
};

Verdict add_fields(Exchange& exchange) {
  if (exchange.is_subrequest()) return Verdict::ok();
  const HeadersConf& conf = exchange.conf<HeadersConf>();
  bool ordinary = is_ordinary(exchange.response.status);
  if (conf.expires.kind != Expires::Kind::off && ordinary) set_expires(exchange, conf);
  for (const HeadersConf::Field& field : conf.headers) {
    if (ordinary || field.always) add(exchange, field);
  }
  bool trailers = std::any_of(conf.trailers.begin(), conf.trailers.end(),
                              [&](auto& field) { return ordinary || field.always; });
  if (trailers) {
    exchange.response.expect_trailers = true;
    exchange.add_body_filter(*exchange.arena.make<TrailerFilter>());
  }
  return Verdict::ok();
}

bool is_used(const Runtime& runtime) {
  return runtime.any_conf<HeadersConf>([](const HeadersConf& conf) {
    return conf.expires.kind != Expires::Kind::off || !conf.headers.empty() ||
           !conf.trailers.empty();
  });
}

}  // namespace

const Module http_headers = {
    .id = ModuleId::http_headers,
    .name = "http_headers",
    .read_conf = read_conf,
    .is_used = is_used,
    .header_filter = add_fields,
};

}  // namespace sluice
