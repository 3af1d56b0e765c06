#pragma once

#include <netinet/in.h>

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "base/file.h"
#include "quic/packet_protection.h"
#include "tls/openssl.h"

namespace sluice::fuzz {

/// A QUIC client that shakes hands as it should, and then seals whatever it is given. Between it
/// and the server nothing is lost, so it sends nothing again.
class QuicClient {
 public:
  enum class Level : uint8_t { initial = 0, handshake = 2, application = 3 };
  using Bytes = std::span<const uint8_t>;

  /// Of a server on 127.0.0.1.
  explicit QuicClient(uint16_t server_port);
  ~QuicClient();
  QuicClient(const QuicClient&) = delete;
  QuicClient& operator=(const QuicClient&) = delete;

  /// Sends what TLS has to say.
  void say();
  /// Takes what has come, as far as TLS is concerned.
  void receive();
  /// TLS has agreed; the server knows when it has the next packet.
  bool complete() const {
    return SSL_is_init_finished(ssl_.get()) && keys(Level::application).there;
  }

  /// A packet with these frames.
  void send(Level level, Bytes frames);
  void send_raw(Bytes datagram);
  /// STREAM frames behind what the stream had before.
  void send_stream(uint64_t stream, Bytes bytes, bool end);
  /// Says that all 1-RTT packets have come so far.
  void acknowledge();

  /// From now on packets come from another port.
  void move();
  /// From now on they are sealed with the next generation of keys (RFC 9001, 6).
  void update_keys();

 private:
  friend struct QuicClientCallbacks;
  struct Keys {
    quic::PacketKeys writing, reading;
    std::array<uint8_t, 32> secret;  ///< that of `writing`
    uint32_t next = 0;               ///< number, of a packet to be sent
    uint64_t received = 0;           ///< packets
    bool there = false;
  };
  struct CryptoStream {
    std::vector<uint8_t> incoming, outgoing;
    uint64_t received = 0;
  };

  Keys& keys(Level level) { return keys_[size_t(level)]; }
  const Keys& keys(Level level) const { return keys_[size_t(level)]; }
  CryptoStream& crypto(Level level) { return crypto_[size_t(level)]; }
  void install(Level level, bool writing, Bytes secret);
  std::vector<uint8_t> head(Level level, size_t payload) const;
  Bytes take_packet(Bytes datagram);
  void open(Level level, Bytes sealed, size_t number_at);
  void take_frames(Level level, Bytes frames);

  tls::SslPtr ssl_;
  Descriptor socket_;
  sockaddr_in server_{};
  std::vector<uint8_t> destination_;
  std::array<Keys, 4> keys_;
  std::array<CryptoStream, 4> crypto_;
  std::map<uint64_t, uint64_t> sent_;  ///< bytes, by stream
  Level read_level_ = Level::initial;
  Level write_level_ = Level::initial;
  uint8_t key_phase_ = 0;
};

}  // namespace sluice::fuzz
