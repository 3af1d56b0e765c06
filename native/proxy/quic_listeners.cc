#include "proxy/quic_listeners.h"

#include <cerrno>

#include "base/bytes.h"
#include "proxy/data_thread.h"
#include "proxy/quic_acceptor.h"

namespace sluice {

namespace {

using quic::ConnectionIdScheme;

ConnectionIdScheme::Settings read_scheme(const plan::Node& node) {
  ConnectionIdScheme::Settings settings;
  settings.process_key = quic::HalfSipKey::from(as_bytes(node["processKey"].text()));
  for (const plan::Node& each : node["configurations"].items()) {
    settings.configurations.push_back({
        .rotation = uint8_t(each["rotation"].integer()),
        .host_id = std::string(each["hostId"].text()),
        .nonce_size = uint8_t(each["nonceSize"].integer()),
        .key = std::string(each["key"].text()),
    });
  }
  return settings;
}

quic::Relay::Settings read_relay(const plan::Node& node, const DataThread& thread,
                                 uint16_t worker) {
  std::span<const plan::Node> sockets = node["relays"].items();
  quic::Relay::Settings settings;
  if (worker < sockets.size()) settings.socket = thread.descriptor(sockets[worker].integer(-1));
  settings.name = node["relayName"].text();
  settings.key = node["relayKey"].text();
  for (const plan::Node& each : node["configurations"].items()) {
    settings.peer_keys[size_t(each["rotation"].integer()) & 7] = each["peerKey"].text();
  }
  if (!node["peersSocket"]) return settings;
  settings.peers_socket = thread.descriptor(node["peersSocket"].integer(-1));
  settings.reads_peers = worker == 0;
  for (const plan::Node& each : node["peers"].items()) {
    auto address = net::Address::parse(each["address"].text());
    if (address) settings.peers.push_back({std::string(each["hostId"].text()), *address});
  }
  return settings;
}

}  // namespace

QuicListeners::QuicListeners(DataThread& thread, const plan::Node& plan, uint16_t worker)
    : thread_(thread),
      scheme_(read_scheme(plan), {worker, uint16_t(plan["generation"].integer())}),
      keys_(plan["seed"].text()),
      relay_(thread.stack(), scheme_, read_relay(plan, thread, worker)),
      own_sockets_(plan["ownSockets"].boolean()) {}

QuicListeners::~QuicListeners() = default;

void QuicListeners::add(const ListenerConf& conf) {
  acceptors_.push_back(std::make_unique<QuicAcceptor>(thread_, conf, scheme_, keys_));
  if (!acceptors_.back()->endpoint().listening()) {
    thread_.error_log().write_errno(LogLevel::alert, {}, errno, "listening on %.*s failed",
                                    int(conf.address.size()), conf.address.data());
    acceptors_.pop_back();
    return;
  }
  relay_.add(acceptors_.back()->endpoint());
}

void QuicListeners::stop_accepting() {
  relay_.stop_reading_peers();
  if (own_sockets_) return;
  for (const auto& acceptor : acceptors_) acceptor->endpoint().leave_socket();
}

}  // namespace sluice
