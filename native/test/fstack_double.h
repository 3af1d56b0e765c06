#pragma once

#include "net/fstack_api.h"

namespace sluice::test {

/// F-Stack's calls over the kernel's sockets, with the traps of the real ones: numbers that overlap
/// the kernel's descriptors, iovecs that are used up, FreeBSD's errors in SO_ERROR, two events for
/// one socket in a batch, nothing that waits, and bytes that are lost when it ends. An address
/// 10.x.y.z stands for 127.x.y.z. One per process.
const net::FstackApi& fstack_double();

/// Forgets the sockets of the test before.
void reset_fstack_double();

/// Sockets that are open in it.
size_t open_in_double();

}  // namespace sluice::test
