#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "base/log.h"
#include "base/recycled.h"
#include "base/timer.h"
#include "http/downstream.h"
#include "http/message.h"
#include "proxy/body_filter.h"
#include "proxy/disposable.h"
#include "proxy/module.h"
#include "proxy/rate_limit.h"
#include "proxy/regex.h"
#include "proxy/request_body.h"
#include "proxy/runtime.h"
#include "proxy/variable.h"
#include "proxy/verdict.h"

namespace sluice {

namespace http {
struct Refusal;
}

class DataThread;
struct ErrorPage;
class Postponed;
class Subrequest;

/// One request and its response, whatever protocols carry them: nginx's request.
/// A codec makes it and calls begin(); phases route it; a content handler answers; finalize() ends
/// it.
class Exchange : public Disposable, public Recycled<Exchange> {
 public:
  Exchange(Runtime& runtime, http::Downstream& downstream);
  ~Exchange() override;
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  Runtime& runtime;
  http::Downstream& downstream;
  Arena arena;
  http::RequestHead request{arena};
  http::ResponseHead response{arena};
  RequestBody body{*this};

  // --- Routing: changed by rewrite, try_files, index, error_page, X-Accel-Redirect ---
  std::string_view uri;        ///< decoded, normalised: $uri
  std::string_view args;       ///< $args
  std::string_view extension;  ///< of the URI's last segment, without the dot
  bool uri_is_original =
      true;                  ///< nothing has rewritten the URI: proxy_pass may send it as it came
  bool uri_changed = false;  ///< by rewrite: find_config runs again
  bool valid_location =
      true;  ///< the URI begins as the location says: alias and proxy_pass may replace that part
  bool root_tested =
      false;  ///< a file below the document root was found: names of logs may come from the request
  bool uri_below_alias =
      false;  ///< try_files chose a file: it goes behind an alias that stands for the whole URI
  bool internal = false;
  const Server* server = nullptr;
  const Location* location = nullptr;  ///< null: the server's own block
  const Block* block = nullptr;  ///< the configuration in force: location, `if` or limit_except
  Verdict (*content_handler)(Exchange&) = nullptr;

  /// A module's configuration here.
  template <class Conf>
  const Conf& conf() const {
    return block->conf<Conf>();
  }
  /// A module's own state in this exchange (in the arena); null until set; forgotten by an internal
  /// redirect.
  template <class State>
  State*& state() {
    return reinterpret_cast<State*&>(states_[size_t(State::id)]);
  }

  // --- Life ---
  /// Makes the URI of the request's path. A refused request has one as well, for logs and error
  /// pages. False: the path makes no sense.
  bool take_path(bool merge_slashes);
  /// Chooses the server that the request's host names. begin() does so too, but names that are
  /// expressions run once.
  void take_host();
  /// The request head is complete.
  void begin();
  /// Ends the exchange before it began: a request head that is no good. Logs run, the connection
  /// closes.
  void reject(uint16_t status);
  /// As reject(), and the log says why.
  void refuse(const http::Refusal& refusal);
  /// Goes on with the phases after Verdict::again().
  void resume();
  /// Says how it ends. A status of 300 and more, or 201 and 204 without a head sent, gets its page;
  /// ok() completes what was sent.
  void finalize(Verdict verdict);
  /// Starts over at another URI, or at `@name`; the method stays unless `method` says otherwise.
  /// Returns taken().
  Verdict redirect(std::string_view uri, std::string_view args);
  Verdict redirect_named(std::string_view name);
  /// Runs the location search again for the current URI (rewrite … last).
  void set_uri(std::string_view uri);
  /// Puts another URI in the place of the current one, in the same location (try_files).
  void replace_uri(std::string_view uri);
  /// Switches to another configuration within the location (`if`); no handler: the location's
  /// stays.
  void use_block(const Block& block, Verdict (*handler)(Exchange&));

  // --- Subrequests (proxy/subrequest.cc) ---
  Exchange& main() { return *main_; }
  Exchange* parent() { return parent_; }
  bool is_subrequest() const { return parent_ != nullptr; }
  /// Of Subrequest: takes the parent's request over, and goes through the phases.
  void prepare_subrequest(Exchange& parent, std::string_view uri, std::string_view args,
                          bool clone);
  void begin_subrequest();
  /// Of Subrequest: the parent does not end before it; `in_place` ones keep their place in the
  /// body.
  void adopt(Subrequest& subrequest, bool in_place);
  void release_subrequest();
  Postponed& postponed() { return *postponed_; }
  void deliver_postponed(const http::Piece& piece);

  // --- Response ---
  /// Runs the header filters and hands the head to the codec. ok(): send the body. A handler that
  /// gets anything else finalizes with it.
  Verdict send_head();
  /// Before the head: fields of a 103, which the client gets if early_hints says so (RFC 8297).
  void send_early_hints(const http::HeaderList& fields);
  /// Through the body filters to the codec.
  Verdict send_body(const http::Piece& piece);
  /// A whole response in one go.
  Verdict send_text(uint16_t status, std::string_view content_type, std::string_view text);
  bool head_sent() const { return head_sent_; }
  /// HEAD, 204, 304 …: send_body() must not be called, finalize(ok()) follows send_head().
  bool header_only = false;
  void add_body_filter(BodyFilter& filter);
  /// As Downstream's, -1 where somebody wants to see the body.
  int direct_descriptor();
  void sent_directly(uint64_t bytes);
  bool allow_ranges = false;   ///< Range may pick from the body (RFC 9110, 14)
  bool single_range = false;   ///< …but one range only
  bool unconditional = false;  ///< If-Modified-Since and the like were answered by the upstream
  /// True while the client takes no more: wait for Source::on_writable().
  bool blocked() const;
  uint64_t body_bytes_sent = 0;  ///< before framing
  uint64_t bytes_sent = 0;       ///< on the wire, counted by the codec

  /// Who produces the response, or holds something on the exchange's behalf. In the arena.
  class Source {
   public:
    /// After blocked(): room again.
    virtual void on_writable() {}
    /// The client has closed its side. True: go on all the same (proxy_ignore_client_abort,
    /// tunnels).
    virtual bool on_client_closed() { return false; }
    /// The client has gone, or a time-out struck: let go of everything; finalize() is not to be
    /// called.
    virtual void on_abort() = 0;
    /// A tunnel's bytes from the client, after Downstream::upgrade().
    virtual void on_tunnel_data(std::span<const char>) {}
    virtual void on_tunnel_end() {}

   protected:
    ~Source() = default;
  };
  void set_source(Source* source) { source_ = source; }
  Source* source() { return source_; }

  // --- Variables and expressions ---
  /// Computed at first use; kept unless volatile.
  const Value& variable(VariableSlot slot);
  /// Forgets what was kept if the variable is not cacheable.
  const Value& fresh_variable(VariableSlot slot);
  void set_variable(VariableSlot slot, std::string_view value);
  Captures captures;

  // --- Error pages (proxy/error_page.cc) ---
  uint16_t error_status = 0;  ///< of the error_page in progress: what the client will see
  bool in_error_page =
      false;  ///< an error_page was used: no other one, unless recursive_error_pages
  bool expect_tested = false;  ///< no 100 Continue any more

  // --- Fields that every response gets (proxy/response_fields.cc) ---
  /// Value of Server by server_tokens; empty: none.
  std::string_view server_token();
  /// The same at the foot of built-in pages.
  std::string_view page_signature();
  /// Location, made absolute where absolute_redirect wants it; empty: the field goes as it is.
  std::string_view absolute_location();

  // --- Connection persistence ---
  bool keep_alive = false;  ///< decided when the head is sent

  // --- Variables that others set ---
  std::optional<uint64_t>
      limit_rate;  ///< bytes a second, by $limit_rate or X-Accel-Limit-Rate; else the directive's
  bool completed = false;  ///< the whole response was sent ($request_completion)
  class UpstreamHistory* upstream_history =
      nullptr;  ///< for $upstream_*: survives internal redirects (proxy/upstream_history.h)

  // --- Log ---
  /// A line in the error log of this location, with nginx's `, client: …, server: …, request: …`
  /// behind it.
  [[gnu::cold]] void log(LogLevel level, const char* format, ...) const
      __attribute__((format(printf, 3, 4)));
  /// With errno's text: ` (2: No such file or directory)`.
  [[gnu::cold]] void log_errno(LogLevel level, int error, const char* format, ...) const
      __attribute__((format(printf, 4, 5)));
  bool logs(LogLevel level) const;
  const ErrorLog& error_log() const;
  LogOrigin log_origin() const;
  std::string_view log_action;  ///< `connecting to upstream` …: ` while …` behind messages
  /// Appended as upstream: "http://127.0.0.1:8080/x", once there is one.
  struct {
    std::string_view scheme, peer, uri;
  } log_upstream;
  int64_t started_ms = 0;  ///< monotonic, for $request_time
  int64_t started_wall_ms = 0;
  uint8_t uri_changes =
      11;  ///< URI changes left (rewrites, internal redirects) until it counts as a cycle
  uint8_t subrequests = 51;  ///< how deep subrequests may still go

  // --- From the codec ---
  /// Room again in the client's queue, or all of it sent.
  void on_writable();
  /// Whether something is done yet when the client has been sent all: subrequests, post_action.
  bool outlives_response() const;
  /// The client has closed its side; false: nobody wants to go on, abort() follows.
  bool on_client_closed();
  /// The client is gone or hopeless: everything is let go, and the request is logged with this
  /// status (499, 408) unless a head was sent. The codec then destroys the exchange.
  void abort(uint16_t status);
  bool ended() const { return ended_; }

 private:
  friend class BodyFilter;
  void run_phases();
  bool step(Verdict verdict);
  void enter(Phase phase);
  bool find_config();
  bool post_rewrite();
  bool access_step(Verdict verdict);
  bool post_access();
  void run_content();
  void use_location(const Location* found);
  void limit_keep_alive();
  void restart(Phase phase);
  Verdict error_response(uint16_t status);
  Verdict send_error_page(const ErrorPage& page);
  Verdict send_special_page(uint16_t status);
  bool run_post_action();
  void complete();
  void end();
  void fail_connection();
  void abort_parts(uint16_t status);
  void set_standard_fields();
  void apply_rate_limit();
  void run_log_phase();
  Verdict send_refresh();
  Verdict deliver(const http::Piece& piece);
  static void append_log_context(LogLine& line, const void* object);

  Exchange* main_ = this;
  Exchange* parent_ = nullptr;
  Source* source_ = nullptr;
  Postponed* postponed_ = nullptr;             ///< in-place subrequests, while there are any
  std::vector<Subrequest*> subrequests_ = {};  ///< all that were made
  uint16_t open_subrequests_ = 0;
  BodyFilter* body_filters_ = nullptr;
  RateLimit* rate_limit_ = nullptr;
  BodyFilter** body_filters_tail_ = &body_filters_;
  std::array<void*, module_count> states_{};
  class VariableValues;
  VariableValues& variable_values();
  const Value& compute_variable(VariableSlot slot);
  VariableValues* values_ = nullptr;  ///< by slot; a subrequest uses its main exchange's
  uint16_t phase_cursor_ = 0;
  Phase phase_ = Phase::post_read;
  bool host_taken_ = false;
  bool head_sent_ = false;
  bool running_ = false;     ///< run_phases() is on the stack
  bool restarted_ = false;   ///< …and is to go on, whatever the handler says
  bool completing_ = false;  ///< all was produced; some of it is still on its way out
  bool post_action_ = false;
  bool ended_ = false;
  uint16_t access_status_ = 0;
};

}  // namespace sluice
