#include "modules/http_addition.h"

#include <algorithm>

#include "proxy/subrequest.h"

namespace sluice {

namespace {

using http::HeaderId;

std::unique_ptr<ModuleConf> read_conf(Runtime&, const plan::Node& node) {
  auto conf = std::make_unique<AdditionConf>();
  conf->before_body = node["before"].text();
  conf->after_body = node["after"].text();
  for (const plan::Node& type : node["types"].items()) conf->types.push_back(type.text());
  return conf;
}

bool add(Exchange& exchange, std::string_view uri) {
  return uri.empty() || Subrequest::start(exchange, {.uri = uri, .args = {}}) != nullptr;
}

class Addition final : public BodyFilter {
 public:
  Verdict write(Exchange& exchange, const http::Piece& piece) override {
    const AdditionConf& conf = exchange.conf<AdditionConf>();
    if (!std::exchange(begun_, true) && !add(exchange, conf.before_body)) return Verdict::fail();
    if (!piece.last || conf.after_body.empty()) return next(exchange, piece);
    http::Piece inner = piece;
    inner.last = false;
    Verdict verdict = next(exchange, inner);
    if (!verdict.is_ok()) return verdict;
    if (!add(exchange, conf.after_body)) return Verdict::fail();
    return next(exchange, {.last = true});
  }

 private:
  bool begun_ = false;
};

bool applies(const AdditionConf& conf, std::string_view content_type) {
  return std::ranges::any_of(conf.types, [&](std::string_view type) {
    return type == "*" || http::iequals(type, content_type);
  });
}

Verdict filter_head(Exchange& exchange) {
  const AdditionConf& conf = exchange.conf<AdditionConf>();
  http::ResponseHead& response = exchange.response;
  if (response.status != 200 || exchange.is_subrequest() ||
      (conf.before_body.empty() && conf.after_body.empty()) ||
      !applies(conf, response.content_type)) {
    return Verdict::ok();
  }
  response.content_length.reset();
  response.headers.remove(HeaderId::accept_ranges);
  exchange.allow_ranges = false;
  // RFC 9110, 8.8.1: no longer the same bytes.
  if (const http::Header* etag = response.headers.find(HeaderId::etag);
      etag && !etag->value.starts_with("W/")) {
    std::span<char> weak = exchange.arena.text(etag->value.size() + 2);
    std::copy(etag->value.begin(), etag->value.end(), std::copy_n("W/", 2, weak.data()));
    response.headers.set(HeaderId::etag, etag->name, {weak.data(), weak.size()});
  }
  if (exchange.request.method != http::Method::head) {
    exchange.add_body_filter(*exchange.arena.make<Addition>());
  }
  return Verdict::ok();
}

bool is_used(const Runtime& runtime) {
  return runtime.any_conf<AdditionConf>([](const AdditionConf& conf) {
    return !conf.before_body.empty() || !conf.after_body.empty();
  });
}

}  // namespace

const Module http_addition = {
    .id = ModuleId::http_addition,
    .name = "http_addition",
    .read_conf = read_conf,
    .is_used = is_used,
    .header_filter = filter_head,
};

}  // namespace sluice
