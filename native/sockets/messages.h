#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "net/address.h"
#include "net/stack.h"

/// Raw sockets of a data thread, for who serves from JavaScript (src/fstack-binding). The two
/// threads exchange orders and news, both about sockets by their numbers.
namespace sluice::sockets {

/// What JavaScript opens counts up from 1, connections that come count down from -1.
using Number = int64_t;

struct Options {
  int backlog = 511;
  uint32_t max_connections = 0;  ///< of a listener: others wait in its backlog
  /// Bytes from the peer that JavaScript may leave unread: more stay with the stack, or, of
  /// datagrams, are dropped.
  uint32_t window = 0;
  uint32_t idle_timeout_ms = 0;  ///< without a byte either way; 0: any time
  uint32_t connect_timeout_ms = 0;
  bool no_delay = true;
  net::ListenSocket::Keepalive keepalive = {};
};

struct Order {
  enum class Kind : uint8_t {
    listen,
    connect,
    bind,
    write,     ///< bytes of a connection
    send,      ///< a datagram
    consumed,  ///< `count` of the bytes that were handed over have been read
    finish,    ///< nothing more will be written
    close,
    reset,  ///< as close, with RST
    taken,  ///< the last batch of news
    stop,   ///< closes everything and ends, once the peers have what was written
    halt,   ///< ends at once
  };
  Kind kind = Kind::halt;
  Number socket = 0;
  uint64_t count = 0;
  std::string bytes = {};
  net::Address address = {};  ///< the own one, or the peer's
  Options options = {};
};

struct News {
  enum class Kind : uint8_t {
    opened,    ///< it listens, is connected, is bound
    accepted,  ///< `value` is the listener
    data,
    sent,  ///< `value` more bytes are the stack's
    end,   ///< the peer has finished
    datagram,
    dropped,  ///< `value` datagrams since the last time
    failed,   ///< `value` is an errno; nothing follows
  };
  Kind kind;
  Number socket;
  int64_t value = 0;
  std::string bytes = {};
  net::Address remote = {};
  net::Address local = {};
};
using Batch = std::vector<News>;

/// What has been since the start, but for `connections`.
struct Totals {
  uint64_t connections = 0;  ///< that are open
  uint64_t accepted = 0;
  uint64_t accept_failures = 0;
  uint64_t connected = 0;
  uint64_t bytes_received = 0;
  uint64_t bytes_sent = 0;
  uint64_t datagrams_received = 0;
  uint64_t datagrams_dropped = 0;  ///< nobody had read those before
  uint64_t datagrams_sent = 0;
  uint64_t datagrams_refused = 0;  ///< by the stack
  uint64_t packets_received = 0;
  uint64_t packet_bytes_received = 0;
  uint64_t packets_sent = 0;
  uint64_t packet_bytes_sent = 0;
  uint64_t receive_drops = 0;
  uint64_t send_drops = 0;
  uint64_t turns = 0;
  uint64_t idle_turns = 0;  ///< that found nothing to do
};

}  // namespace sluice::sockets
