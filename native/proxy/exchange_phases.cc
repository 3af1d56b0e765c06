// The phase engine: nginx's order, one handler after the other, until somebody answers or parks the
// exchange.

#include "base/encode.h"
#include "modules/http_core.h"
#include "proxy/browser.h"
#include "proxy/exchange.h"
#include "proxy/file_path.h"

namespace sluice {

void Exchange::enter(Phase phase) {
  phase_ = runtime.next_busy_phase[size_t(phase)];
  phase_cursor_ = runtime.phase_start[size_t(phase_)];
}

void Exchange::resume() {
  if (ended_) return;
  if (running_) {
    restarted_ = true;
  } else {
    run_phases();
  }
}

void Exchange::run_phases() {
  running_ = true;
  for (;;) {
    bool go_on;
    switch (phase_) {
      case Phase::find_config:
        go_on = find_config();
        break;
      case Phase::post_rewrite:
        go_on = post_rewrite();
        break;
      case Phase::post_access:
        go_on = post_access();
        break;
      case Phase::content:
        run_content();
        go_on = false;
        break;
      default:
        // Subrequests are admitted with their main exchange.
        if (phase_ == Phase::access && is_subrequest()) {
          enter(Phase::precontent);
          continue;
        }
        if (phase_cursor_ == runtime.phase_start[size_t(phase_) + 1]) {
          enter(Phase(size_t(phase_) + 1));
          continue;
        }
        go_on = step(runtime.phase_handlers[phase_cursor_].run(*this));
    }
    if (std::exchange(restarted_, false)) continue;
    if (!go_on) break;
  }
  running_ = false;
}

// What a handler's verdict means depends on its phase.
bool Exchange::step(Verdict verdict) {
  if (restarted_) return true;
  if (verdict.is_declined()) {
    phase_cursor_++;
    return true;
  }
  if (verdict.is_again() || verdict.is_taken()) return false;
  if (phase_ == Phase::access) return access_step(verdict);
  if (verdict.is_ok() && phase_ != Phase::rewrite && phase_ != Phase::server_rewrite) {
    enter(Phase(size_t(phase_) + 1));
    return true;
  }
  finalize(verdict);
  return false;
}

bool Exchange::find_config() {
  content_handler = nullptr;
  uri_changed = false;
  LocationTree::Match match = server->locations.find(uri, *this);
  if (match.failed) {
    finalize(Verdict::status(500));
    return false;
  }
  if (match.location) location = match.location;
  const Block* found_block = match.location ? match.location->block : server->block;
  block = found_block;
  const CoreConf& core = conf<CoreConf>();
  if (core.internal && !internal) {
    finalize(Verdict::status(404));
    return false;
  }
  use_location(match.location);

  uint64_t limit = conf<CoreConf>().client_max_body_size;
  if (limit && request.content_length && *request.content_length > limit && !body.begun()) {
    log(LogLevel::error, "client intended to send too large body: %llu bytes",
        static_cast<unsigned long long>(*request.content_length));
    expect_tested = true;
    finalize(Verdict::status(413));
    return false;
  }
  if (match.redirect) {
    std::string_view to = escape(Escape::uri, match.location->name, arena);
    if (!args.empty()) {
      std::span<char> text = arena.text(to.size() + 1 + args.size());
      char* end = std::copy(to.begin(), to.end(), text.data());
      *end++ = '?';
      std::copy(args.begin(), args.end(), end);
      to = {text.data(), text.size()};
    }
    response.headers.set(http::HeaderId::location, "Location", to);
    finalize(Verdict::status(301));
    return false;
  }
  enter(Phase::rewrite);
  return true;
}

// Null: no location, the server's own block.
void Exchange::use_location(const Location* found) {
  location = found;
  block = found ? found->block : server->block;
  content_handler = found ? found->handler : nullptr;
  if (found && found->limited_block && !(found->allowed_methods & 1u << unsigned(request.method))) {
    block = found->limited_block;
    content_handler = found->limited_handler;
  }
  limit_keep_alive();
}

void Exchange::use_block(const Block& other, Verdict (*handler)(Exchange&)) {
  block = &other;
  if (handler) content_handler = handler;
  limit_keep_alive();
}

void Exchange::limit_keep_alive() {
  if (!keep_alive) return;
  const CoreConf& core = conf<CoreConf>();
  const http::ConnectionFacts& connection = downstream.connection();
  if (core.keepalive_timeout == 0 || connection.requests >= core.keepalive_requests ||
      uint64_t(started_ms - connection.started_ms) > core.keepalive_time ||
      (core.keepalive_disable_msie6 && request.method == http::Method::post && is_msie6(*this)) ||
      (core.keepalive_disable_safari && is_safari(*this))) {
    keep_alive = false;
  }
}

bool Exchange::post_rewrite() {
  if (!uri_changed) {
    enter(Phase::preaccess);
    return true;
  }
  if (--uri_changes == 0) {
    log(LogLevel::error, "rewrite or internal redirection cycle while processing \"%.*s\"",
        int(uri.size()), uri.data());
    finalize(Verdict::status(500));
    return false;
  }
  location = nullptr;
  block = server->block;
  enter(Phase::find_config);
  return true;
}

// RFC 9110, 11.6: with `satisfy any` a refusal counts only when nobody admits.
bool Exchange::access_step(Verdict verdict) {
  bool any = conf<CoreConf>().satisfy == CoreConf::Satisfy::any;
  if (verdict.is_ok()) {
    if (any) {
      access_status_ = 0;
      response.headers.remove(http::HeaderId::www_authenticate);
      enter(Phase::post_access);
    } else {
      phase_cursor_++;
    }
    return true;
  }
  uint16_t status = verdict.status();
  if (any && (status == 403 || status == 401)) {
    if (access_status_ != 401) access_status_ = status;
    phase_cursor_++;
    return true;
  }
  finalize(verdict);
  return false;
}

bool Exchange::post_access() {
  if (uint16_t status = std::exchange(access_status_, 0)) {
    if (status == 403) log(LogLevel::error, "access forbidden by rule");
    finalize(Verdict::status(status));
    return false;
  }
  enter(Phase::precontent);
  return true;
}

void Exchange::run_content() {
  if (content_handler) {
    finalize(content_handler(*this));
    return;
  }
  uint16_t end = runtime.phase_start[size_t(Phase::content) + 1];
  while (phase_cursor_ < end) {
    Verdict verdict = runtime.phase_handlers[phase_cursor_].run(*this);
    if (restarted_) return;
    if (!verdict.is_declined()) {
      finalize(verdict);
      return;
    }
    phase_cursor_++;
  }
  if (!uri.empty() && uri.back() == '/') {
    if (std::optional<std::string_view> path = file_path(*this, uri)) {
      log(LogLevel::error, "directory index of \"%.*s\" is forbidden", int(path->size()),
          path->data());
    }
    finalize(Verdict::status(403));
    return;
  }
  log(LogLevel::error, "no handler found");
  finalize(Verdict::status(404));
}

}  // namespace sluice
