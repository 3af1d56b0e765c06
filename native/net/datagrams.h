#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "net/address.h"

namespace sluice::net {

/// What the IP header says of congestion (RFC 3168): both of its bits.
enum class Ecn : uint8_t { not_ect = 0, ect1 = 1, ect0 = 2, ce = 3 };

/// A datagram that has come. Bytes and addresses are the socket's again when the call returns.
struct Datagram {
  std::span<const uint8_t> bytes;
  const Address& remote;
  const Address& local;  ///< where it was sent to: replies leave from there
  Ecn ecn = Ecn::not_ect;
};

/// Where a train of datagrams goes: all of them but the last have the same size.
struct Departure {
  const Address& remote;
  const Address& local;  ///< the address that they leave from; empty: the kernel chooses
  Ecn ecn = Ecn::not_ect;
  size_t segment = 0;  ///< bytes of each datagram; 0: it is one
};

/// A bound UDP socket. What comes is pushed, one datagram at a time; what is queued leaves at the
/// turn's end, many datagrams with one call.
class DatagramSocket {
 public:
  class Consumer {
   public:
    virtual void on_datagram(const Datagram& datagram) = 0;
    /// After blocked(): there is room again.
    virtual void on_room() = 0;

   protected:
    ~Consumer() = default;
  };
  virtual ~DatagramSocket() = default;

  /// The most bytes of one train.
  static constexpr size_t max_train = 60'000;

  /// Room to write a train of up to `size` bytes; empty while blocked(). commit() says how many
  /// were used, and where they go.
  virtual std::span<uint8_t> prepare(size_t size) = 0;
  virtual void commit(size_t size, const Departure& departure) = 0;
  /// The kernel takes no more: what is queued waits, and nothing can be added until on_room().
  virtual bool blocked() const = 0;
  /// Sends what is queued now.
  virtual void flush() = 0;

  /// Leaves what comes to others that read from the same socket; sending goes on.
  virtual void stop_reading() = 0;
  /// Datagrams that could not be sent: too long for the path, no route. 0 where nobody counts.
  virtual uint64_t refused() const { return 0; }
  /// Whether a train leaves as one packet for the kernel to cut (UDP_SEGMENT); on at first.
  virtual void use_segmentation(bool on) = 0;
};

}  // namespace sluice::net
