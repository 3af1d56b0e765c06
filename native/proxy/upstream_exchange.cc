// Which peer is tried, and what follows when it fails.

#include "proxy/upstream_exchange.h"

#include <cerrno>
#include <cstring>

#include "base/clock.h"
#include "modules/http_core.h"
#include "proxy/data_thread.h"

namespace sluice {

namespace {

uint64_t now_ms() { return Clock::of_thread().monotonic_ms(); }

uint16_t status_for(uint32_t reason) {
  switch (reason) {
    case next_upstream::timeout:
    case next_upstream::http_504:
      return 504;
    case next_upstream::http_500:
      return 500;
    case next_upstream::http_503:
      return 503;
    case next_upstream::http_403:
      return 403;
    case next_upstream::http_404:
      return 404;
    case next_upstream::http_429:
      return 429;
    default:
      return 502;
  }
}

std::string_view identity_in(const std::optional<UpstreamTlsConf::Terms>& terms) {
  return terms ? terms->identity : std::string_view();
}

// RFC 9110, 9.2.2: what happens again when it is asked again; nginx's list.
bool is_idempotent(http::Method method) {
  return method != http::Method::post && method != http::Method::lock &&
         method != http::Method::patch;
}

}  // namespace

UpstreamExchange::UpstreamExchange(Exchange& the_exchange, const UpstreamConf& the_conf)
    : exchange(the_exchange),
      conf(the_conf),
      buffering_(the_conf.buffering),
      pipe_(the_exchange, the_conf) {
  pace_timer_.bind<&UpstreamExchange::on_pace_over>(this);
}

UpstreamExchange::~UpstreamExchange() {
  if (question_) exchange.runtime.thread.forget_question(question_);
  leave_connection(false);
}

Verdict UpstreamExchange::start() {
  exchange.set_source(this);
  if (streams_body()) {
    phase_ = Phase::gathering;
    exchange.body.gather(*this);
    exchange.runtime.thread.at_turn_end(*this);
  } else {
    exchange.body.buffer(*this);
  }
  return Verdict::taken();
}

// A body that has come whole with its head needs no streaming: it can be sent again, and has a
// length. Of one that is sent on in chunks, what comes in one turn makes one chunk.
void UpstreamExchange::on_turn_end() {
  if (exchange.ended()) return;
  if (phase_ == Phase::gathering) {
    streaming_ = !exchange.body.complete();
    if (streaming_ && !exchange.request.chunked) exchange.body.stream(*this);
    begin();
  } else if (sends_on()) {
    stream_body();
  }
}

void UpstreamExchange::begin() {
  phase_ = Phase::connecting;
  if (!create_request()) {
    finish(Verdict::status(500));
    return;
  }
  if (exchange.upstream_history) {
    try_ = &exchange.upstream_history->add(exchange.arena);
  } else {
    exchange.upstream_history = exchange.arena.make<UpstreamHistory>();
  }
  exchange.upstream_history->head = nullptr;
  if (conf.group) {
    choose(conf.group, conf.group->peers());
  } else {
    resolve();
  }
}

// A group may have the host's name; else it is an address, or a name that the control thread looks
// up.
void UpstreamExchange::resolve() {
  Runtime& runtime = exchange.runtime;
  if (UpstreamGroup* group =
          UpstreamGroup::find(runtime, target.host, target.port, target.no_port)) {
    choose(group, group->peers());
    return;
  }
  if (target.address) {
    net::Address address = *target.address;
    if (address.is_ip()) address.set_port(target.port);
    choose(nullptr, PeerList::make({address}));
    return;
  }
  int size = int(target.host.size());
  if (conf.resolver.empty()) {
    exchange.log(LogLevel::error, "no resolver defined to resolve %.*s", size, target.host.data());
    finish(Verdict::status(502));
    return;
  }
  phase_ = Phase::resolving;
  std::string question = std::string(conf.resolver) + '\n' + std::string(target.host);
  question_ =
      runtime.thread.ask("resolve", question, conf.resolver_timeout + 1000, on_resolved, this);
}

// The answer is `0`, then addresses; or nginx's number and text of what went wrong; line by line.
void UpstreamExchange::on_resolved(void* self, bool ok, std::string_view answer) {
  auto& upstream = *static_cast<UpstreamExchange*>(self);
  upstream.question_ = 0;
  if (!ok) answer = "110: Operation timed out";
  std::vector<net::Address> addresses;
  std::string_view rest = answer;
  if (answer.starts_with("0\n")) {
    rest.remove_prefix(2);
    while (!rest.empty()) {
      std::string_view line = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(std::min(rest.size(), line.size() + 1));
      if (auto address = net::Address::parse(line, upstream.target.port))
        addresses.push_back(*address);
    }
  }
  if (addresses.empty()) {
    upstream.exchange.log(LogLevel::error, "%.*s could not be resolved (%.*s)",
                          int(upstream.target.host.size()), upstream.target.host.data(),
                          int(answer.size()), answer.data());
    upstream.finish(Verdict::status(502));
    return;
  }
  upstream.choose(nullptr, PeerList::make(addresses));
}

void UpstreamExchange::choose(UpstreamGroup* group, std::shared_ptr<PeerList> peers) {
  group_ = group;
  choice_.emplace(group, std::move(peers), exchange.arena);
  if (conf.next_tries && choice_->tries > conf.next_tries) choice_->tries = conf.next_tries;
  started_ms_ = now_ms();
  connect();
}

void UpstreamExchange::connect() {
  phase_ = Phase::connecting;
  exchange.log_action = "connecting to upstream";
  note_end_of_try();
  try_ = &exchange.upstream_history->add(exchange.arena);
  try_started_ms_ = now_ms();
  request_sent_ = body_sent_ = unprocessed_ = false;
  codec_ = nullptr;

  const Peer* peer = choice_->next();
  if (!peer) {
    try_->peer = group_ ? group_->name() : target.host;
    exchange.log_upstream = {scheme, try_->peer, uri};
    exchange.log(LogLevel::error, "no live upstreams");
    next(next_upstream::no_live);
    return;
  }
  try_->peer = peer->name;
  exchange.runtime.thread.counters.upstream_requests++;
  exchange.log_upstream = {scheme, try_->peer, uri};

  Terms terms;
  if (secured) terms = conf.tls->terms(exchange, group_ ? group_->name() : target.host);
  if (shares_connections()) {
    connect_shared(*peer, std::move(terms));
  } else {
    connect_alone(*peer, std::move(terms));
  }
}

void UpstreamExchange::connect_alone(const Peer& peer, Terms&& terms) {
  if (UpstreamPool* pool = group_ ? group_->pool() : nullptr) {
    connection_ = pool->take(peer.address, identity_in(terms), pool_tag(), *this);
  }
  reused_ = bool(connection_);
  if (reused_) {
    exchange.runtime.thread.counters.upstream_reused++;
    send_request();
    return;
  }
  std::unique_ptr<UpstreamConnection> made = dial(peer, std::move(terms), *this);
  if (!made) return;
  connection_ = std::move(made);
  connection_->set_timeout(conf.connect_timeout);
}

// Others may join while the connection is still being made.
void UpstreamExchange::connect_shared(const Peer& peer, Terms&& terms) {
  UpstreamPool* pool = group_ ? group_->pool() : nullptr;
  SharedUpstream* shared =
      pool ? pool->join(peer.address, identity_in(terms), pool_tag()) : nullptr;
  reused_ = shared && shared->is_connected();
  if (!shared) {
    std::unique_ptr<SharedUpstream> made = make_shared_upstream();
    std::unique_ptr<UpstreamConnection> transport = dial(peer, std::move(terms), made->user());
    if (!transport) return;
    shared = made.release();
    shared->begin(std::move(transport), pool);
    if (pool) pool->share(*shared, pool_tag());
  }
  connection_ = UpstreamConnection::join(exchange.runtime.thread, *shared, *this);
  if (reused_) {
    exchange.runtime.thread.counters.upstream_reused++;
    send_request();
  } else {
    connection_->set_timeout(conf.connect_timeout);
  }
}

/// Begins to connect. Null: that has failed, the request goes on without, and this object may be
/// gone.
std::unique_ptr<UpstreamConnection> UpstreamExchange::dial(const Peer& peer, Terms&& terms,
                                                           UpstreamConnection::User& user) {
  std::unique_ptr<UpstreamTls> tls;
  if (secured) {
    tls = UpstreamTls::begin(*conf.tls, std::move(*terms), exchange,
                             group_ ? &group_->sessions() : nullptr, peer.name, protocols());
    if (!tls) {
      finish(Verdict::status(500));
      return nullptr;
    }
  }
  net::Address local;
  net::ConnectOptions options;
  if (local_address(local)) options.bind = &local;
  options.transparent = conf.bind_transparent;
  options.keepalive = conf.socket_keepalive;
  options.on_kernel = conf.on_kernel;
  options.receive_buffer = conf.receive_buffer;
  options.send_buffer = conf.send_buffer;
  int error = 0;
  auto connection = UpstreamConnection::connect(exchange.runtime.thread, peer.address, options,
                                                std::move(tls), user, error);
  if (!connection) {
    fail_connect(error);
    return nullptr;
  }
  // A short handshake and Nagle's algorithm don't go together.
  if (secured && conf.tls->reuses_sessions && exchange.conf<CoreConf>().tcp_nodelay) {
    connection->stream().set_no_delay(true);
  }
  exchange.runtime.thread.counters.upstream_connections++;
  return connection;
}

void UpstreamExchange::fail_connect(int error) {
  if (error == ENOBUFS) {
    finish(Verdict::status(500));
    return;
  }
  bool ordinary = error == ECONNREFUSED || error == EAGAIN || error == ECONNRESET ||
                  error == ENETDOWN || error == ENETUNREACH || error == EHOSTDOWN ||
                  error == EHOSTUNREACH;
  exchange.log_errno(ordinary ? LogLevel::error : LogLevel::crit, error, "connect() to %.*s failed",
                     int(try_->peer.size()), try_->peer.data());
  next(next_upstream::error);
}

bool UpstreamExchange::local_address(net::Address& address) {
  if (!conf.bind) return false;
  if (conf.bind_address) {
    address = *conf.bind_address;
    return true;
  }
  std::string_view text = conf.bind.evaluate(exchange);
  if (text.empty()) return false;
  std::optional<net::Address> parsed = net::Address::parse(text);
  if (!parsed) {
    exchange.log(LogLevel::error, "invalid local address \"%.*s\"", int(text.size()), text.data());
    return false;
  }
  address = *parsed;
  return true;
}

/// This try has failed: another one, if there is one to be had.
void UpstreamExchange::next(uint32_t reason) {
  if (choice_->current()) {
    bool declined =
        unprocessed_ || reason == next_upstream::http_403 || reason == next_upstream::http_404;
    if (!declined) exchange.runtime.thread.counters.upstream_failures++;
    release(declined ? PeerChoice::Outcome::declined : PeerChoice::Outcome::failed);
  }
  if (reason == next_upstream::timeout)
    exchange.log_errno(LogLevel::error, ETIMEDOUT, "upstream timed out");
  // A connection that had gone stale in the pool says nothing about the peer.
  if ((reused_ || unprocessed_) && reason == next_upstream::error) choice_->tries++;

  uint16_t status = status_for(reason);
  try_->status = status;
  if (request_sent_ && !is_idempotent(exchange.request.method))
    reason |= next_upstream::non_idempotent;
  if (choice_->tries == 0 || !may_try_again(reason)) {
    finish(Verdict::status(status));
    return;
  }
  leave_connection(false);
  connect();
}

bool UpstreamExchange::may_try_again(uint32_t reason) const {
  return (unprocessed_ || (conf.next_on & reason) == reason) && !(request_sent_ && streaming_) &&
         !(conf.next_timeout && now_ms() - started_ms_ >= conf.next_timeout);
}

bool UpstreamExchange::try_next_for_status(uint16_t status) {
  uint32_t reason;
  switch (status) {
    case 500:
      reason = next_upstream::http_500;
      break;
    case 502:
      reason = next_upstream::http_502;
      break;
    case 503:
      reason = next_upstream::http_503;
      break;
    case 504:
      reason = next_upstream::http_504;
      break;
    case 403:
      reason = next_upstream::http_403;
      break;
    case 404:
      reason = next_upstream::http_404;
      break;
    case 429:
      reason = next_upstream::http_429;
      break;
    default:
      return false;
  }
  uint32_t needed = reason;
  if (!is_idempotent(exchange.request.method)) needed |= next_upstream::non_idempotent;
  if (choice_->tries <= 1 || !may_try_again(needed)) return false;
  next(reason);
  return true;
}

void UpstreamExchange::release(PeerChoice::Outcome outcome) {
  if (!choice_ || !choice_->current()) return;
  if (connection_) try_->bytes_sent = connection_->sent();
  if (choice_->release(outcome))
    exchange.log(LogLevel::warn, "upstream server temporarily disabled");
}

void UpstreamExchange::note_end_of_try() {
  if (!try_ || try_->peer.empty() || try_->response_time >= 0) return;
  try_->response_time = int64_t(now_ms() - try_started_ms_);
  if (connection_) try_->bytes_sent = connection_->sent();
}

/// Lets go of the connection: to the pool, if the next request can have it.
void UpstreamExchange::leave_connection(bool reusable) {
  pace_timer_.cancel();
  if (!connection_) return;
  end_splice();
  if (reusable && group_ && group_->pool()) {
    group_->pool()->keep(std::move(connection_), pool_tag());
  } else {
    UpstreamConnection::close(std::move(connection_));
  }
}

/// The peer has done what it could.
void UpstreamExchange::end_try(bool reusable) {
  note_end_of_try();
  release(PeerChoice::Outcome::done);
  leave_connection(reusable);
}

/// The upstream's part is over; so, with what the client gets, is the exchange's. Nothing may
/// follow a call: this object may be gone.
void UpstreamExchange::finish(Verdict verdict) {
  if (phase_ == Phase::finished) return;
  if (phase_ != Phase::draining) end_try(reusable());
  phase_ = Phase::finished;
  exchange.log_action = "sending to client";
  exchange.set_source(nullptr);
  // Once a head was sent, no status can be told any more.
  if (verdict.status() >= 300 && exchange.head_sent()) verdict = Verdict::fail();
  exchange.finalize(verdict);
}

}  // namespace sluice
