#include "proxy/acceptor.h"

#include "base/clock.h"
#include "proxy/codec_choice.h"
#include "proxy/data_thread.h"
#include "proxy/handshaking_connection.h"
#include "proxy/proxied_connection.h"

namespace sluice {

Acceptor::Acceptor(DataThread& thread, const ListenerConf& conf)
    : thread_(thread), conf_(conf), listener_(thread.stack().listen(conf.socket, *this)) {
  if (!listener_) {
    thread.error_log().write_errno(LogLevel::alert, {}, errno, "listening on %.*s failed",
                                   int(conf.address.size()), conf.address.data());
  }
}

Acceptor::~Acceptor() = default;

void Acceptor::on_accept(net::StreamPtr stream) {
  thread_.counters.accepted++;
  if (!thread_.take_connection_slot()) return;
  thread_.counters.handled++;
  const ListenAddress& listen = address_of(*stream);
  http::ConnectionFacts facts;
  facts.number = thread_.next_connection_number();
  facts.started_ms = int64_t(Clock::of_thread().monotonic_ms());
  if (listen.proxy_protocol) {
    ProxiedConnection::accept(thread_, listen, std::move(stream), facts);
  } else if (listen.tls) {
    HandshakingConnection::accept(thread_, listen, std::move(stream), facts);
  } else {
    serve(thread_, listen, std::move(stream), facts);
  }
}

// A wildcard socket serves the `listen` directives of single addresses, too: the connection's own
// end tells them apart.
const ListenAddress& Acceptor::address_of(net::Stream& stream) const {
  if (conf_.addresses.size() > 1) {
    const net::Address& local = stream.local_address();
    for (const ListenAddress& candidate : conf_.addresses) {
      if (!candidate.address.empty() && candidate.parsed && candidate.parsed->same_host(local)) {
        return candidate;
      }
    }
  }
  return conf_.addresses.back();
}

void Acceptor::on_accept_error(int error) {
  bool exhausted = error == EMFILE || error == ENFILE;
  thread_.error_log().write_errno(exhausted ? LogLevel::crit : LogLevel::alert, {}, error,
                                  "accept4() failed");
  if (exhausted) thread_.free_idle_connections(32);
}

}  // namespace sluice
