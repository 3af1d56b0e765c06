#pragma once

#include <memory>

#include "net/datagrams.h"
#include "sockets/endpoint.h"

namespace sluice::sockets {

/// A bound UDP socket. What JavaScript is too slow for is dropped, and counted.
class DatagramPort final : public Endpoint, net::DatagramSocket::Consumer {
 public:
  DatagramPort(SocketThread& thread, Number number, const Options& options)
      : Endpoint(thread, number), window_(options.window) {}
  ~DatagramPort() override;

  void obey(Order& order) override;
  void tell(Batch& batch) override;

 private:
  /// What a waiting datagram takes beside its bytes.
  static constexpr size_t overhead = sizeof(News);

  void bind(const net::Address& address);
  void send(const Order& order);
  void on_datagram(const net::Datagram& datagram) override;
  void on_room() override {}
  void count_refused();

  uint32_t window_;
  net::Address address_;
  std::unique_ptr<net::DatagramSocket> socket_;
  Batch waiting_;
  size_t waiting_bytes_ = 0;
  uint64_t dropped_ = 0;  ///< and JavaScript doesn't know
  uint64_t refused_ = 0;
  int error_ = 0;
  bool told_open_ = false;
};

}  // namespace sluice::sockets
