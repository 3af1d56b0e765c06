#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "net/splice.h"
#include "proxy/data_thread.h"
#include "proxy/exchange.h"
#include "proxy/response_pipe.h"
#include "proxy/shared_upstream.h"
#include "proxy/upstream_codec.h"
#include "proxy/upstream_conf.h"
#include "proxy/upstream_connection.h"
#include "proxy/upstream_group.h"
#include "proxy/upstream_history.h"

namespace sluice {

/// Passes an exchange on to an upstream: picks peers and tries them in turn, sends the request,
/// hands the response through. A module derives from it what its protocol and its directives add.
/// Lives in the exchange's arena.
class UpstreamExchange : public Exchange::Source,
                         private RequestBody::Reader,
                         private UpstreamConnection::User,
                         private DataThread::TurnEnd {
 public:
  UpstreamExchange(Exchange& exchange, const UpstreamConf& conf);
  UpstreamExchange(const UpstreamExchange&) = delete;
  UpstreamExchange& operator=(const UpstreamExchange&) = delete;

  /// Reads the request's body, then goes on by itself. What a content handler returns.
  Verdict start();

 protected:
  virtual ~UpstreamExchange();

  /// Where the request goes when no group was configured.
  struct Target {
    std::string_view host;  ///< a name, or the text of an address
    uint16_t port = 0;
    bool no_port = false;                 ///< `port` is the default
    std::optional<net::Address> address;  ///< when `host` is one
  };

  /// Prepares the request; sets scheme, uri, target and how the body goes. False: 500.
  virtual bool create_request() = 0;
  /// Those of the client's trailers that go on; known when its body has ended.
  virtual const http::HeaderList& trailers() = 0;
  /// A codec for a new try, in the arena.
  virtual UpstreamCodec& make_codec() = 0;
  /// A connection that requests share, not begun yet; null: each request has its own.
  virtual std::unique_ptr<SharedUpstream> make_shared_upstream() { return nullptr; }
  /// What TLS agrees on (RFC 7301), as it goes over the wire; empty: nothing.
  virtual std::string_view protocols() const { return {}; }
  /// Whether make_shared_upstream() makes one.
  virtual bool shares_connections() const { return false; }
  /// True: the body is sent on while it arrives.
  virtual bool streams_body() = 0;
  /// proxy_redirect for a Location, or for the URL within a Refresh that begins at `prefix`. True:
  /// `value` was changed.
  virtual bool rewrite_redirect(std::string_view& value, size_t prefix) = 0;
  virtual bool rewrites_redirects() const = 0;
  /// proxy_cookie_domain and the like.
  virtual void rewrite_cookie(std::string_view& value) = 0;

  Exchange& exchange;
  const UpstreamConf& conf;
  std::string_view scheme;  ///< `http://`, for the log
  std::string_view uri;     ///< what is asked for, for the log
  Target target;
  bool secured = false;        ///< by TLS, as conf.tls says
  bool sends_body = true;      ///< the client's body goes on
  bool wants_upgrade = false;  ///< the client asked for another protocol

 private:
  friend class ResponsePipe;

  // --- Tries (upstream_exchange.cc) ---
  using Terms = std::optional<UpstreamTlsConf::Terms>;  ///< none: the connection isn't secured
  void on_turn_end() override;
  void begin();
  void resolve();
  static void on_resolved(void* self, bool ok, std::string_view answer);
  void choose(UpstreamGroup* group, std::shared_ptr<PeerList> peers);
  void connect();
  void connect_alone(const Peer& peer, Terms&& terms);
  void connect_shared(const Peer& peer, Terms&& terms);
  std::unique_ptr<UpstreamConnection> dial(const Peer& peer, Terms&& terms,
                                           UpstreamConnection::User& user);
  const void* pool_tag() const { return group_->pool_is_local() ? &conf : nullptr; }
  void next(uint32_t reason);
  bool may_try_again(uint32_t reason) const;
  void finish(Verdict verdict);
  void release(PeerChoice::Outcome outcome);
  void leave_connection(bool reusable);
  void note_end_of_try();
  void end_try(bool reusable);
  bool local_address(net::Address& address);
  void fail_connect(int error);
  void fail_connecting(int error);
  void log_failure(int error, const char* failure);

  // --- The request (upstream_request.cc) ---
  void send_request();
  void stream_body();
  bool sends_on() const;
  void await_response();
  void on_body() override;
  void on_connected() override;
  void on_upstream_writable() override;
  void on_upstream_timeout() override;

  // --- The response's head (upstream_head.cc) ---
  bool take_head();
  bool try_next_for_status(uint16_t status);
  bool intercept(uint16_t status);
  bool read_controls();
  void redirect_internally(std::string_view to);
  void copy_fields();
  void copy_field(const http::Header& field);
  void adapt_field(const http::Header& field);
  void copy_content_type(std::string_view value);
  void copy_location(const http::Header& field);
  void copy_refresh(const http::Header& field);

  // --- The response (upstream_response.cc) ---
  void on_upstream_data(std::span<const char> data) override;
  void on_upstream_end() override;
  void on_upstream_error(int error) override;
  void consume(std::string_view input);
  void retry_unprocessed();
  bool take_hints();
  void log_refusal();
  void wait_for_more();
  void end_response(std::string_view rest, std::string_view last_piece = {});
  void end_body(std::string_view last_piece);
  bool reusable() const;
  void break_off();
  void copy_trailers();
  void on_writable() override;
  bool on_client_closed() override;
  void on_abort() override;
  void pace();
  void on_pace_over();

  // --- Bodies that nobody looks at (upstream_splice.cc) ---
  bool begin_splice();
  void pump();
  void end_splice();
  void on_slow_client();
  void on_upstream_readable() override;

  // --- After a 101 (upstream_tunnel.cc) ---
  void begin_tunnel(std::string_view input);
  void pass_to_client(std::span<const char> data);
  void end_tunnel();
  void on_tunnel_data(std::span<const char> data) override;
  void on_tunnel_end() override;

  static constexpr size_t body_read_size = 64 * 1024;
  static constexpr size_t max_hints_size = 64 * 1024;

  enum class Phase : uint8_t {
    idle,
    gathering,
    resolving,
    connecting,
    head,
    body,
    tunnel,
    draining,
    finished
  };

  Phase phase_ = Phase::idle;
  bool streaming_ = false;     ///< the request's body is sent on while it arrives
  bool request_sent_ = false;  ///< some of it
  bool body_sent_ = false;     ///< all of it was given to the stream
  bool reused_ = false;        ///< the connection came from the pool
  bool unprocessed_ = false;   ///< the peer has not looked at the request
  bool buffering_ = true;
  bool client_ended_ = false;    ///< within a tunnel
  bool paused_ = false;          ///< the client is slower than the upstream
  bool extra_ = false;           ///< the upstream has said more than was asked for
  bool client_is_slow_ = false;  ///< too slow for splicing: the upstream would have to wait for it
  bool broken_off_ = false;      ///< what the pipe holds is all there will be, and it isn't all
  uint8_t free_retries_ = 3;     ///< of requests that a peer has not looked at
  size_t hints_size_ = 0;        ///< of interim heads so far
  uint32_t question_ = 0;        ///< asked of the control thread
  uint64_t started_ms_ = 0;      ///< the first try
  uint64_t try_started_ms_ = 0;
  uint64_t sent_before_ = 0;  ///< when the send time-out was set
  uint64_t limit_rate_ = 0;
  UpstreamTry* try_ = nullptr;
  std::optional<PeerChoice> choice_;
  UpstreamGroup* group_ = nullptr;
  std::unique_ptr<UpstreamConnection> connection_;
  UpstreamCodec* codec_ = nullptr;
  ResponsePipe pipe_;
  Timer pace_timer_;
  std::optional<net::SplicePump> splice_;
};

}  // namespace sluice
