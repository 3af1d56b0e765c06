#pragma once

#include "quic/connection_id.h"

namespace sluice::quic {

/// Has the kernel give packets to the worker that their connection ID names: the sockets of one
/// address (SO_REUSEPORT) are in the order of workers. What names none goes by its addresses, as
/// without. False: the kernel doesn't, or connection IDs are encrypted; relays do it all then.
bool steer_by_connection_id(int descriptor, const ConnectionIdScheme& scheme);

}  // namespace sluice::quic
