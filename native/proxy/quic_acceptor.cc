#include "proxy/quic_acceptor.h"

#include "base/clock.h"
#include "http/h3/server_connection.h"
#include "modules/http_core.h"
#include "modules/http_ssl.h"
#include "modules/http_v3.h"
#include "modules/http_webtransport.h"
#include "proxy/data_thread.h"
#include "proxy/shared_session_store.h"

namespace sluice {

namespace {

/// Whatever a packet holds (RFC 9221, 3).
constexpr uint64_t largest_datagram = 65'535;

/// What a socket's clients hold of ours has to fit the server that answers there first: its
/// quic_host_key; else what the hosts of its ssl_session_store share; else `own`.
const quic::HostKeys& keys_of(const ListenerConf& conf, const quic::HostKeys& own) {
  const Block& block = *conf.addresses.back().servers.fallback().block;
  const V3Conf& v3 = block.conf<V3Conf>();
  if (v3.host_keys) return *v3.host_keys;
  SharedSessionStore* store = block.conf<SslConf>().session_store;
  return store ? store->quic_keys(own) : own;
}

/// As nginx: keepalive_timeout is a connection's idle time, client_header_timeout the handshake's.
quic::TransportSettings settings_of(Runtime& runtime, const ListenAddress& listen) {
  const Server& server = listen.servers.fallback();
  quic::TransportSettings settings = server.block->conf<V3Conf>().transport;
  settings.idle_timeout = server.block->conf<CoreConf>().keepalive_timeout;
  settings.handshake_timeout = server.connection.client_header_timeout;
  if (WebTransportConf::in_use(runtime)) {
    settings.max_unidirectional_streams += server.block->conf<WebTransportConf>().max_streams;
    settings.max_datagram_size = largest_datagram;
  }
  return settings;
}

}  // namespace

QuicAcceptor::QuicAcceptor(DataThread& thread, const ListenerConf& conf,
                           const quic::ConnectionIdScheme& scheme, const quic::HostKeys& keys)
    : thread_(thread),
      conf_(conf),
      endpoint_(thread.stack(), conf.socket, scheme, keys_of(conf, keys), *this) {
  for (const ListenAddress& listen : conf.addresses)
    settings_.push_back(settings_of(thread.runtime(), listen));
  if (!endpoint_.listening()) return;
  endpoint_.socket().use_segmentation(settings_.back().segmentation);
}

// A wildcard socket serves the `listen` directives of single addresses, too.
size_t QuicAcceptor::position_of(const net::Address& local) const {
  for (size_t i = 0; i < conf_.addresses.size(); ++i) {
    const ListenAddress& candidate = conf_.addresses[i];
    if (!candidate.address.empty() && candidate.parsed && candidate.parsed->same_host(local)) {
      return i;
    }
  }
  return conf_.addresses.size() - 1;
}

const quic::TransportSettings& QuicAcceptor::settings(const net::Address& local) {
  return settings_[position_of(local)];
}

quic::Endpoint::Acceptor::Acceptance QuicAcceptor::accept(quic::Connection& connection,
                                                          const net::Address& remote,
                                                          const net::Address& local) {
  thread_.counters.accepted++;
  if (!thread_.take_connection_slot()) return {};
  thread_.counters.handled++;
  http::ConnectionFacts facts;
  facts.number = thread_.next_connection_number();
  facts.started_ms = int64_t(Clock::of_thread().monotonic_ms());
  facts.remote = &remote;
  facts.local = &local;
  auto owned = std::make_unique<h3::ServerConnection>(thread_, conf_.addresses[position_of(local)],
                                                      connection, facts);
  h3::ServerConnection& http = *owned;
  thread_.add_connection(std::move(owned));
  tls::SslPtr ssl = http.start_tls();
  if (!ssl) {
    http.on_closed("no \"ssl_certificate\" is defined");
    return {};
  }
  return {&http, std::move(ssl), http.early_data()};
}

}  // namespace sluice
