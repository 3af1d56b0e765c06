#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "quic/steering.h"

namespace sluice::quic {

/// The UDP sockets of one address, of all workers and generations, as the kernel steers packets
/// among them: by an eBPF program, which has no toolchain, and no file, but only these two maps.
/// They outlive the processes that fill them: a new binary gets their descriptors. Of the master
/// (CAP_BPF and CAP_NET_ADMIN). Errors are errnos; 0: done.
class ReuseportGroup {
 public:
  /// The most sockets of one address.
  static constexpr uint32_t max_sockets = 8192;

  /// Descriptors of the maps, which stay open when this goes.
  ReuseportGroup(int sockets, int owners) : sockets_(sockets), owners_(owners) {}
  /// Makes the maps; nothing where bpf() is refused (errno).
  static std::optional<ReuseportGroup> create();

  int sockets() const { return sockets_; }
  int owners() const { return owners_; }

  /// Has the program steer all sockets of the address that `socket` is bound to, instead of any
  /// before.
  int attach(int socket, const Steering& steering) const;
  /// Takes in a generation: bound sockets, by worker. `first`: the slot of the first one.
  int add(uint16_t generation, std::span<const int> sockets, uint16_t& first) const;
  /// From now on new connections are for these.
  int prefer(uint16_t first, uint16_t count) const;

 private:
  void forget_closed() const;

  int sockets_;
  int owners_;
};

}  // namespace sluice::quic
