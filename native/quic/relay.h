#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "net/stack.h"
#include "quic/endpoint.h"
#include "quic/relayed_packets.h"

namespace sluice::quic {

/// Takes packets to the process that their connection ID names, and takes in what others bring:
/// another worker, a generation that still drains or has come after, another binary's, another
/// host.
///
/// On one host each process has a unix socket, whose name follows from its number and generation;
/// between hosts it is UDP. A message is
///
///     rotation (1)   whose key: that configuration's, or of the host itself (7)
///     tag (16)       HMAC-SHA256 under it, of all that follows
///     packets        relayed_packets.h
///
/// A message that is repeated does no harm: QUIC counts its packets.
class Relay final : public Endpoint::Router, private net::Stack::TurnObserver {
 public:
  struct Peer {
    std::string host_id;
    net::Address address;
  };
  struct Settings {
    int socket = -1;   ///< this process's own, bound
    std::string name;  ///< of all of them, but for owner and generation: in the abstract namespace
    std::string key;   ///< of this host
    int peers_socket = -1;     ///< bound; -1: there are no other hosts
    bool reads_peers = false;  ///< one worker does, for all
    std::vector<Peer> peers;
    /// By rotation: what hosts prove to each other that they know.
    std::array<std::string, 8> peer_keys;
  };

  Relay(net::Stack& stack, const ConnectionIdScheme& scheme, Settings settings);
  ~Relay();

  /// What comes for the endpoint's address is delivered there.
  void add(Endpoint& endpoint);
  /// Other hosts' packets are for the workers that come after this one.
  void stop_reading_peers();

  bool route(const ConnectionIdScheme::Place& place, std::span<const uint8_t> id,
             const net::Datagram& datagram, Endpoint::Origin origin) override;

 private:
  /// Packets for one process, until the turn's end.
  struct Batch {
    ConnectionIdScheme::Owner owner;
    std::vector<uint8_t> message;
  };
  /// Whether anybody is there, and until when that is taken for granted.
  struct Presence {
    ConnectionIdScheme::Owner owner;
    bool there;
    uint64_t until_ms;
  };

  void on_turn_end() override { flush(); }
  bool send_to_process(const ConnectionIdScheme::Owner& owner, const net::Datagram& datagram);
  bool send_to_host(const Peer& peer, uint8_t rotation, const net::Datagram& datagram);
  void flush();
  bool flush(Batch& batch);
  std::optional<bool> is_there(const ConnectionIdScheme::Owner& owner);

  void receive(int socket, bool from_host);
  void deliver(std::span<const uint8_t> message, bool from_host);
  const std::string* key_of(uint8_t rotation, bool from_host) const;
  Endpoint* endpoint_at(const net::Address& local);

  net::Stack& stack_;
  const ConnectionIdScheme& scheme_;
  Settings settings_;
  std::vector<Endpoint*> endpoints_;
  std::vector<Batch> batches_;
  std::vector<Presence> presences_;
  std::vector<uint8_t> received_;
};

}  // namespace sluice::quic
