#pragma once

#include <linux/bpf.h>

#include <vector>

#include "quic/steering.h"

namespace sluice::quic {

/// The key of the entry among the owners that says who takes new connections: `first slot << 16 |
/// how many`. No owner has that number.
constexpr uint32_t new_connections = UINT32_MAX;

/// An eBPF program of type SK_REUSEPORT. A packet goes to the socket of the process that its
/// connection ID names; any other, so a client's first, is spread over those for new connections.
/// `sockets`: descriptor of a REUSEPORT_SOCKARRAY, slot to socket; `owners`: of a HASH,
/// ConnectionIdScheme::Owner::number() to slot.
std::vector<bpf_insn> steering_program(const Steering& steering, int sockets, int owners);

}  // namespace sluice::quic
