#pragma once

#include <ngtcp2/ngtcp2.h>

namespace sluice::quic {

/// What ngtcp2 allocates from, for connections of this thread. It takes most of its memory in
/// blocks of 4 to 12 KB, a dozen for each connection, and puts objects into them one by one: an
/// idle connection's have little but their beginnings in use. Here they begin on pages of their
/// own, so that what was never touched takes no memory.
const ngtcp2_mem& library_memory();

}  // namespace sluice::quic
