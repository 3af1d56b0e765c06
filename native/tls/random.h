#pragma once

#include <span>

namespace sluice::tls {

/// Fills in unpredictable bytes for what is seen by all: ids and nonces. OpenSSL's generator takes
/// a lock and a system call each time, so it is asked for many at once. False: it has none to give.
bool public_random(std::span<unsigned char> bytes);

}  // namespace sluice::tls
