#include "base/syslog.h"

#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/clock.h"
#include "base/number.h"

namespace sluice {

Syslog::Syslog(const sockaddr* server, socklen_t length, Options options)
    : length_(std::min<socklen_t>(length, sizeof(server_))), options_(std::move(options)) {
  std::memcpy(&server_, server, length_);
}

bool Syslog::connect() {
  Descriptor socket(::socket(server_.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const sockaddr* server = reinterpret_cast<const sockaddr*>(&server_);
  if (!socket || ::connect(socket.get(), server, length_) < 0) return false;
  socket_ = std::move(socket);
  return true;
}

bool Syslog::send(int severity, std::string_view message) {
  if (!socket_ && !connect()) return false;
  char priority[max_decimal_size];
  char* priority_end = format_decimal(priority, uint64_t(options_.facility * 8 + severity));
  std::string_view parts[] = {"<",
                              {priority, size_t(priority_end - priority)},
                              ">",
                              Clock::of_thread().syslog_time(),
                              " ",
                              options_.host,
                              options_.host.empty() ? "" : " ",
                              options_.tag,
                              ": ",
                              message};
  iovec pieces[std::size(parts)];
  for (size_t i = 0; i < std::size(parts); ++i) {
    pieces[i] = {const_cast<char*>(parts[i].data()), parts[i].size()};
  }
  msghdr datagram = {};
  datagram.msg_iov = pieces;
  datagram.msg_iovlen = std::size(pieces);
  ssize_t sent = ::sendmsg(socket_.get(), &datagram, MSG_NOSIGNAL);
  // A server that was restarted has a new socket under the old path.
  if (sent < 0 && errno != EAGAIN && errno != EINTR) socket_.reset();
  return sent >= 0;
}

}  // namespace sluice
