#include "proxy/quic_listeners.h"

#include "proxy/data_thread.h"
#include "proxy/quic_acceptor.h"
#include "quic/steering.h"

namespace sluice {

namespace {

quic::ConnectionIdScheme::Settings read_scheme(const plan::Node& node) {
  return {
      .rotation = uint8_t(node["rotation"].integer(quic::ConnectionIdScheme::no_rotation)),
      .host_id = std::string(node["hostId"].text()),
      .key = std::string(node["cidKey"].text()),
  };
}

}  // namespace

QuicListeners::QuicListeners(DataThread& thread, const plan::Node& plan, uint16_t worker)
    : thread_(thread),
      scheme_(read_scheme(plan), {worker, uint16_t(plan["generation"].integer())}),
      keys_(plan["seed"].text()),
      relay_(thread.stack(), scheme_, keys_) {}

QuicListeners::~QuicListeners() = default;

void QuicListeners::add(const ListenerConf& conf) {
  acceptors_.push_back(std::make_unique<QuicAcceptor>(thread_, conf, scheme_, keys_));
  relay_.add(acceptors_.back()->endpoint());
  quic::steer_by_connection_id(conf.socket.descriptor, scheme_);
}

void QuicListeners::stop_accepting() {
  for (const auto& acceptor : acceptors_) acceptor->endpoint().stop_accepting();
}

}  // namespace sluice
