#pragma once

#include <cstdint>
#include <vector>

#include "quic/connection_id.h"

namespace sluice::quic {

/// What the kernel is told of connection IDs, so that it takes packets to their sockets by itself.
struct Steering {
  struct Shape {
    uint8_t first_octet;
    uint8_t size;
  };
  std::vector<Shape> shapes;
  HalfSipKey process_key;

  static Steering of(const ConnectionIdScheme::Settings& settings);
};

/// Where a packet's destination connection ID begins (RFC 8999, 5).
constexpr uint8_t long_header_bit = 0x80;
constexpr uint8_t short_header_id = 1;
constexpr uint8_t long_header_id_size = 5;
constexpr uint8_t long_header_id = 6;

/// Classic BPF: a packet goes to the socket whose position among those of the address is its
/// worker's number; what names no worker, so a client's first, is spread by the connection ID that
/// the client has chosen. For all sockets of the address; they have to stay, since closing one
/// moves another. An errno; 0: done.
int attach_filter(int socket, const Steering& steering, uint16_t workers);

}  // namespace sluice::quic
