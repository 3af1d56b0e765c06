#pragma once

namespace sluice::net {

/// F-Stack's calls set Linux's errno, but SO_ERROR and what comes with events carry FreeBSD's
/// numbers (errno(2)); they agree up to 34, EDEADLK aside. An unknown one is EIO.
int errno_from_freebsd(int error);

}  // namespace sluice::net
