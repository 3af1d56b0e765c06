#pragma once

#include <vector>

#include "proxy/runtime.h"
#include "quic/endpoint.h"

namespace sluice {

class DataThread;

/// Takes the QUIC connections that come to one socket, and starts HTTP/3 on them.
class QuicAcceptor final : private quic::Endpoint::Acceptor {
 public:
  QuicAcceptor(DataThread& thread, const ListenerConf& conf, const quic::ConnectionIdScheme& scheme,
               const quic::HostKeys& keys);

  quic::Endpoint& endpoint() { return endpoint_; }

 private:
  const quic::TransportSettings& settings(const net::Address& local) override;
  Acceptance accept(quic::Connection& connection, const net::Address& remote,
                    const net::Address& local) override;
  size_t position_of(const net::Address& local) const;

  DataThread& thread_;
  const ListenerConf& conf_;
  std::vector<quic::TransportSettings> settings_;  ///< by position in conf_.addresses
  quic::Endpoint endpoint_;
};

}  // namespace sluice
