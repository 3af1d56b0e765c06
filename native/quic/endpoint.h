#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>

#include "base/intrusive_list.h"
#include "net/stack.h"
#include "quic/connection.h"
#include "quic/connection_id.h"
#include "quic/host_keys.h"

namespace sluice::quic {

/// Nanoseconds, as ngtcp2 counts them.
uint64_t monotonic_ns();

/// One UDP socket: finds the connection that a packet belongs to by its connection ID, makes new
/// ones, and answers what belongs to none.
class Endpoint final : private net::DatagramSocket::Consumer, private net::Layer {
 public:
  /// Who takes new connections.
  class Acceptor {
   public:
    /// What clients of an address are offered.
    virtual const TransportSettings& settings(const net::Address& local) = 0;
    /// The application and the TLS side of a new connection; null: refused.
    struct Acceptance {
      Application* application = nullptr;
      tls::SslPtr ssl;
      bool early_data = false;
    };
    virtual Acceptance accept(Connection& connection, const net::Address& remote,
                              const net::Address& local) = 0;

   protected:
    ~Acceptor() = default;
  };

  /// How a packet has come here: each of them may be followed by those behind it only, so that
  /// none goes round in circles.
  enum class Origin : uint8_t { wire, host, process };
  /// Takes packets to the process that their connection ID names.
  class Router {
   public:
    /// False: nobody takes it there.
    virtual bool route(const ConnectionIdScheme::Place& place, std::span<const uint8_t> id,
                       const net::Datagram& datagram, Origin origin) = 0;

   protected:
    ~Router() = default;
  };

  Endpoint(net::Stack& stack, const net::ListenSocket& socket, const ConnectionIdScheme& scheme,
           const HostKeys& keys, Acceptor& acceptor);
  ~Endpoint() override;

  void set_router(Router* router) { router_ = router; }
  /// The socket's own address.
  const net::Address& address() const { return address_; }
  /// What comes is for others that read from the same socket; but what they relay is taken.
  void leave_socket() { socket_->stop_reading(); }
  /// A packet that was received here, or by another process.
  void deliver(const net::Datagram& datagram, Origin origin);

  // --- For connections ---
  /// False, with errno set, when the socket could not be opened: the endpoint is of no use then.
  bool listening() const { return socket_ != nullptr; }
  net::DatagramSocket& socket() { return *socket_; }
  const HostKeys& keys() const { return keys_; }
  ConnectionId new_id(Connection& connection);
  void add_id(const ConnectionId& id, Connection& connection);
  void remove_id(const ConnectionId& id);
  void schedule(Connection& connection);
  void remove(Connection& connection);
  void count_handshake(int change) { handshaking_ = size_t(int64_t(handshaking_) + change); }

 private:
  using OfEndpoint = ListHook<struct ConnectionsOfEndpoint>;
  void on_datagram(const net::Datagram& datagram) override { deliver(datagram, Origin::wire); }
  void on_room() override;
  // net::Layer: sends what connections have, near the turn's end
  void settle() override {}
  void visit() override;
  Connection* find(std::span<const uint8_t> id);
  void accept(const net::Datagram& datagram);
  void negotiate_version(const net::Datagram& datagram, const ngtcp2_version_cid& ids);
  void send_retry(const net::Datagram& datagram, const ngtcp2_pkt_hd& header);
  void refuse(const net::Datagram& datagram, const ngtcp2_pkt_hd& header, uint64_t error);
  void send_reset(const net::Datagram& datagram, std::span<const uint8_t> id);
  void send(const net::Datagram& answered, std::span<const uint8_t> packet);
  bool may_answer();

  /// So many handshakes at once, and clients have to prove their addresses.
  static constexpr size_t retry_above = 256;
  /// Answers a second to packets of no connection, Retry apart.
  static constexpr uint32_t most_answers = 2000;

  const ConnectionIdScheme& scheme_;
  const HostKeys& keys_;
  Acceptor& acceptor_;
  net::Stack& stack_;
  Router* router_ = nullptr;
  net::Address address_;
  std::unordered_map<ConnectionId, Connection*, ConnectionIdHash> by_id_;
  IntrusiveList<Connection, struct ConnectionsOfEndpoint> connections_;
  IntrusiveList<Connection, struct ConnectionsToWrite> to_write_;
  std::unique_ptr<net::DatagramSocket> socket_;
  size_t handshaking_ = 0;
  int64_t answers_second_ = 0;
  uint32_t answers_ = 0;
};

}  // namespace sluice::quic
