#include "proxy/exchange.h"

#include "base/clock.h"
#include "http/request_error.h"
#include "http/uri.h"
#include "modules/http_core.h"
#include "proxy/data_thread.h"
#include "proxy/subrequest.h"

namespace sluice {

Exchange::Exchange(Runtime& the_runtime, http::Downstream& the_downstream)
    : runtime(the_runtime), downstream(the_downstream) {
  const Clock& clock = Clock::of_thread();
  started_ms = clock.monotonic_ms();
  started_wall_ms = clock.seconds() * 1000 + clock.milliseconds();
  server = &initial_server(downstream.connection());
  block = server->block;
}

Exchange::~Exchange() = default;

void Exchange::begin() {
  take_host();
  keep_alive = request.keep_alive;
  if (request.content_length.value_or(0) == 0 && !request.chunked) body.none();
  runtime.thread.counters.requests++;
  enter(Phase::post_read);
  run_phases();
}

void Exchange::take_host() {
  if (std::exchange(host_taken_, true)) return;
  server = &requested_server(downstream.connection(), request.host, this);
  block = server->block;
}

bool Exchange::take_path(bool merge_slashes) {
  std::optional<http::NormalPath> path = http::normalize_path(request.path, merge_slashes, arena);
  if (!path) return false;
  uri = path->path;
  extension = path->extension;
  args = request.query;
  return true;
}

void Exchange::refuse(const http::Refusal& refusal) {
  std::string_view message = refusal.message(arena);
  log(LogLevel::info, "%.*s", int(message.size()), message.data());
  reject(refusal.status());
}

void Exchange::reject(uint16_t status) {
  if (!request.host.empty()) take_host();
  runtime.thread.counters.requests++;
  keep_alive = false;
  expect_tested = true;
  body.none();
  finalize(Verdict::status(status));
}

void Exchange::finalize(Verdict verdict) {
  if (ended_ || verdict.is_taken() || verdict.is_again()) return;
  if (verdict.is_declined()) {
    // A handler that thought better of it: the modules of the content phase get their turn.
    content_handler = nullptr;
    enter(Phase::content);
    if (running_) {
      restarted_ = true;
    } else {
      run_phases();
    }
    return;
  }
  if (verdict.is_fail() || verdict.status() == 444) {
    if (!head_sent_ && verdict.status()) response.status = verdict.status();
    if (!run_post_action()) fail_connection();
    return;
  }
  uint16_t status = verdict.status();
  if (status >= 300 || status == 201 || status == 204) {
    if (head_sent_) {
      // Too late for a page: what was promised cannot be kept.
      fail_connection();
      return;
    }
    finalize(error_response(status));
    return;
  }
  complete();
}

Verdict Exchange::redirect(std::string_view new_uri, std::string_view new_args) {
  if (--uri_changes == 0) {
    log(LogLevel::error,
        "rewrite or internal redirection cycle while internally redirecting to \"%.*s\"",
        int(new_uri.size()), new_uri.data());
    finalize(Verdict::status(500));
    return Verdict::taken();
  }
  set_uri(new_uri);
  uri_changed = false;
  valid_location = true;
  args = new_args;
  states_.fill(nullptr);
  internal = true;
  uri_below_alias = false;
  location = nullptr;
  use_location(nullptr);
  restart(Phase::server_rewrite);
  return Verdict::taken();
}

Verdict Exchange::redirect_named(std::string_view name) {
  auto refuse = [&](const char* message) {
    log(LogLevel::error, "%s \"%.*s\"", message, int(name.size()), name.data());
    finalize(Verdict::status(500));
    return Verdict::taken();
  };
  if (--uri_changes == 0) {
    return refuse("rewrite or internal redirection cycle while redirect to named location");
  }
  if (uri.empty()) return refuse("empty URI in redirect to named location");
  const Location* found = server->locations.named(name);
  if (!found) return refuse("could not find named location");
  internal = true;
  uri_changed = false;
  states_.fill(nullptr);
  use_location(found);
  restart(Phase::rewrite);
  return Verdict::taken();
}

void Exchange::set_uri(std::string_view new_uri) {
  replace_uri(new_uri);
  uri_is_original = false;
  uri_changed = true;
}

void Exchange::replace_uri(std::string_view new_uri) {
  uri = new_uri;
  extension = {};
  // As nginx: a dot before the last slash, or one that begins the segment's name, starts no
  // extension.
  for (size_t i = uri.size(); i-- > 1;) {
    if (uri[i] == '.' && uri[i - 1] != '/') {
      extension = uri.substr(i + 1);
      break;
    }
    if (uri[i] == '/') break;
  }
}

void Exchange::restart(Phase phase) {
  enter(phase);
  if (running_) {
    restarted_ = true;
  } else {
    run_phases();
  }
}

void Exchange::on_writable() {
  if (ended_) return;
  if (completing_) {
    complete();
  } else if (source_) {
    source_->on_writable();
  }
}

bool Exchange::outlives_response() const {
  return open_subrequests_ > 0 || !conf<CoreConf>().post_action.empty();
}

bool Exchange::on_client_closed() {
  return !ended_ && (completing_ || (source_ && source_->on_client_closed()));
}

void Exchange::abort(uint16_t status) {
  if (ended_) return;
  abort_parts(status);
  if (!head_sent_) response.status = status;
  keep_alive = false;
  if (!is_subrequest()) run_log_phase();
  ended_ = true;
}

// The response is complete as far as the exchange goes; it ends when the client has been sent all
// of it, so that log lines tell of what has really left.
void Exchange::complete() {
  downstream.flush();
  if (ended_) return;
  if (open_subrequests_ > 0 || downstream.unsent() > 0 || (rate_limit_ && rate_limit_->waiting())) {
    completing_ = true;
    return;
  }
  completing_ = false;
  completed = true;
  if (!run_post_action()) end();
}

void Exchange::end() {
  ended_ = true;
  source_ = nullptr;
  run_log_phase();
  downstream.finished(*this, keep_alive);
}

void Exchange::fail_connection() {
  abort_parts(499);
  keep_alive = false;
  end();
}

void Exchange::abort_parts(uint16_t status) {
  if (Source* source = std::exchange(source_, nullptr)) source->on_abort();
  for (Subrequest* subrequest : subrequests_) subrequest->exchange().abort(status);
  open_subrequests_ = 0;
}

bool Exchange::run_post_action() {
  const CoreConf& core = conf<CoreConf>();
  if (is_subrequest() || core.post_action.empty() || (post_action_ && uri_changes == 0))
    return false;
  std::string_view target = core.post_action;
  post_action_ = true;
  header_only = true;
  head_sent_ = false;
  if (target.front() == '@') {
    redirect_named(target);
  } else {
    redirect(target, {});
  }
  return true;
}

void Exchange::run_log_phase() {
  if (is_subrequest() && !conf<CoreConf>().log_subrequest) return;
  log_action = "logging request";
  size_t phase = size_t(Phase::log);
  for (uint16_t i = runtime.phase_start[phase]; i < runtime.phase_start[phase + 1]; ++i) {
    runtime.phase_handlers[i].run(*this);
  }
}

// --- Subrequests ---

// As nginx: the parent's fields, its server, and a URI of its own.
void Exchange::prepare_subrequest(Exchange& parent, std::string_view new_uri,
                                  std::string_view new_args, bool clone) {
  parent_ = &parent;
  main_ = parent.main_;
  request.version = parent.request.version;
  request.line = parent.request.line;
  request.target = parent.request.target;
  request.host = parent.request.host;
  request.method = clone ? parent.request.method : http::Method::get;
  request.method_name = clone ? parent.request.method_name : "GET";
  for (const http::Header& field : parent.request.headers) {
    request.headers.add(field.name, field.value, field.id);
  }
  body.share(parent.body);
  server = parent.server;
  block = server->block;
  internal = true;
  expect_tested = true;
  subrequests = uint8_t(parent.subrequests - 1);
  replace_uri(new_uri);
  uri_is_original = false;
  args = new_args;
}

void Exchange::begin_subrequest() {
  if (ended_) return;
  enter(Phase::server_rewrite);
  run_phases();
}

void Exchange::adopt(Subrequest& subrequest, bool in_place) {
  subrequests_.push_back(&subrequest);
  open_subrequests_++;
  if (!in_place) return;
  if (!postponed_) postponed_ = arena.make<Postponed>(*this);
  postponed_->add(subrequest);
}

void Exchange::release_subrequest() {
  if (open_subrequests_ > 0) open_subrequests_--;
  if (completing_) complete();
}

}  // namespace sluice
