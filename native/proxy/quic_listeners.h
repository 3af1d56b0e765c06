#pragma once

#include <memory>
#include <vector>

#include "proxy/plan.h"
#include "proxy/runtime.h"
#include "quic/connection_id.h"
#include "quic/host_keys.h"
#include "quic/relay.h"

namespace sluice {

class DataThread;
class QuicAcceptor;

/// A worker's QUIC sockets, and what they have in common: how connection IDs look, the keys of
/// tokens and resets, and how packets find their worker.
class QuicListeners {
 public:
  /// `plan`: the Plan's `process.quic`.
  QuicListeners(DataThread& thread, const plan::Node& plan, uint16_t worker);
  ~QuicListeners();

  void add(const ListenerConf& conf);
  /// New connections are for the workers that come after this one.
  void stop_accepting();

 private:
  DataThread& thread_;
  quic::ConnectionIdScheme scheme_;
  quic::HostKeys keys_;
  std::vector<std::unique_ptr<QuicAcceptor>> acceptors_;
  quic::Relay relay_;  ///< between the acceptors' endpoints: goes before them
  bool own_sockets_;   ///< the workers that come after this one read from others
};

}  // namespace sluice
