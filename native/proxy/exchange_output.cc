// The response's way out: header filters, body filters, the client's codec.

#include <algorithm>

#include "http/status.h"
#include "modules/http_core.h"
#include "proxy/data_thread.h"
#include "proxy/exchange.h"
#include "proxy/subrequest.h"

namespace sluice {

Verdict Exchange::send_head() {
  if (post_action_) {
    head_sent_ = true;
    return Verdict::ok();
  }
  if (head_sent_) {
    log(LogLevel::alert, "header already sent");
    return Verdict::fail();
  }
  if (error_status) {
    response.status = error_status;
    response.reason = {};
  }
  for (auto filter : runtime.header_filters) {
    Verdict verdict = filter(*this);
    if (!verdict.is_ok()) return verdict;
    if (head_sent_) return verdict;  // the filter answered in its own way
  }
  head_sent_ = true;
  set_standard_fields();
  downstream.send_head(*this, header_only);
  if (!header_only) apply_rate_limit();
  return Verdict::ok();
}

void Exchange::send_early_hints(const http::HeaderList& fields) {
  if (head_sent_ || post_action_ || is_subrequest()) return;
  if (request.version < http::Version::http11) return;
  auto holds = [this](const Template& condition) {
    std::string_view value = condition.evaluate(*this);
    return !value.empty() && value != "0";
  };
  if (std::ranges::any_of(conf<CoreConf>().early_hints, holds)) {
    downstream.send_informational(103, fields);
  }
}

void Exchange::apply_rate_limit() {
  const CoreConf& core = conf<CoreConf>();
  uint64_t rate = limit_rate ? *limit_rate : core.limit_rate.evaluate(*this);
  if (rate) rate_limit_ = arena.make<RateLimit>(*this, rate, core.limit_rate_after.evaluate(*this));
}

bool Exchange::blocked() const {
  return downstream.blocked() || (rate_limit_ && rate_limit_->waiting());
}

// What follows from the status, whoever answers.
void Exchange::set_standard_fields() {
  uint16_t status = response.status;
  bool bodiless = http::is_bodiless(status) && status != 101;  // after which a tunnel follows
  if (request.method == http::Method::head || bodiless) header_only = true;
  if (status == 204) {
    response.content_type = {};
    response.last_modified.reset();
    response.content_length.reset();
  }
  if (status != 200 && status != 206 && status != 304) response.last_modified.reset();
  if (keep_alive && runtime.thread.draining()) keep_alive = false;
}

void Exchange::add_body_filter(BodyFilter& filter) {
  *body_filters_tail_ = &filter;
  body_filters_tail_ = &filter.next_;
}

Verdict BodyFilter::next(Exchange& exchange, const http::Piece& piece) {
  if (next_) return next_->write(exchange, piece);
  return exchange.deliver(piece);
}

Verdict Exchange::send_body(const http::Piece& piece) {
  if (ended_) return Verdict::fail();
  if (post_action_ || header_only) return Verdict::ok();
  return body_filters_ ? body_filters_->write(*this, piece) : deliver(piece);
}

int Exchange::direct_descriptor() {
  bool watched =
      body_filters_ || rate_limit_ || postponed_ || post_action_ || header_only || is_subrequest();
  return watched ? -1 : downstream.direct_descriptor();
}

void Exchange::sent_directly(uint64_t bytes) {
  body_bytes_sent += bytes;
  downstream.sent_directly(bytes);
}

Verdict Exchange::deliver(const http::Piece& piece) {
  if (postponed_ && !postponed_->empty()) {
    postponed_->hold(piece);
    return Verdict::ok();
  }
  deliver_postponed(piece);
  return ended_ ? Verdict::fail() : Verdict::ok();
}

// A piece whose turn has come.
void Exchange::deliver_postponed(const http::Piece& piece) {
  body_bytes_sent += piece.size();
  if (rate_limit_) {
    rate_limit_->write(piece);
  } else {
    downstream.send_body(piece);
  }
}

Verdict Exchange::send_text(uint16_t status, std::string_view content_type, std::string_view text) {
  response.status = status;
  response.content_length = text.size();
  if (!content_type.empty()) response.content_type = content_type;
  Verdict verdict = send_head();
  if (!verdict.is_ok() || header_only) return verdict;
  return send_body({.bytes = text, .last = true});
}

}  // namespace sluice
