#pragma once

#include <memory>

#include "net/stack.h"
#include "proxy/runtime.h"

namespace sluice {

class DataThread;

/// Takes the connections of one listening socket: finds the `listen` address they came to, reads a
/// PROXY protocol header where one is due, and starts the codec.
class Acceptor final : private net::Listener::Acceptor {
 public:
  Acceptor(DataThread& thread, const ListenerConf& conf);
  ~Acceptor();

 private:
  void on_accept(net::StreamPtr stream) override;
  void on_accept_error(int error) override;
  const ListenAddress& address_of(net::Stream& stream) const;

  DataThread& thread_;
  const ListenerConf& conf_;
  std::unique_ptr<net::Listener> listener_;
};

}  // namespace sluice
