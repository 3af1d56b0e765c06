#pragma once

#include <memory>

#include "sockets/endpoint.h"

namespace sluice::sockets {

/// Takes connections, as many at a time as it may have.
class TcpListener final : public Endpoint, net::Listener::Acceptor {
 public:
  TcpListener(SocketThread& thread, Number number, const Options& options)
      : Endpoint(thread, number), options_(options) {}

  /// Its connections' too.
  const Options& options() const { return options_; }
  void departed();

  void obey(Order& order) override;
  void tell(Batch& batch) override;

 private:
  void on_accept(net::StreamPtr stream) override;
  void on_accept_error(int error) override;

  Options options_;
  net::Address address_;
  std::unique_ptr<net::Listener> listener_;
  int error_ = 0;
  uint32_t connections_ = 0;
};

}  // namespace sluice::sockets
