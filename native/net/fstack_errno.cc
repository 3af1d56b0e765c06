#include "net/fstack_errno.h"

#include <array>
#include <cerrno>
#include <cstddef>

namespace sluice::net {
namespace {

constexpr int first = 35;
/// FreeBSD's errno from 35 on, as sys/errno.h orders them.
constexpr std::array from_first = {
    EAGAIN,       EINPROGRESS, EALREADY,        ENOTSOCK,        EDESTADDRREQ, EMSGSIZE,
    EPROTOTYPE,   ENOPROTOOPT, EPROTONOSUPPORT, ESOCKTNOSUPPORT, EOPNOTSUPP,   EPFNOSUPPORT,
    EAFNOSUPPORT, EADDRINUSE,  EADDRNOTAVAIL,   ENETDOWN,        ENETUNREACH,  ENETRESET,
    ECONNABORTED, ECONNRESET,  ENOBUFS,         EISCONN,         ENOTCONN,     ESHUTDOWN,
    ETOOMANYREFS, ETIMEDOUT,   ECONNREFUSED,    ELOOP,           ENAMETOOLONG, EHOSTDOWN,
    EHOSTUNREACH, ENOTEMPTY,
};
constexpr int deadlock = 11;

}  // namespace

int errno_from_freebsd(int error) {
  if (error == deadlock) return EDEADLK;
  if (error < first) return error;
  size_t index = size_t(error - first);
  return index < from_first.size() ? from_first[index] : EIO;
}

}  // namespace sluice::net
