#include "net/kernel_stream.h"

#include <netinet/tcp.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

namespace sluice::net {

// Past glibc's send(), sendmsg() and recv(): those are cancellation points, which in a process of
// several threads cost two atomic operations a call, 1 % of a small request.

ssize_t KernelStream::receive(std::span<char> room) {
  return ::syscall(SYS_recvfrom, socket_.get(), room.data(), room.size(), 0, nullptr, nullptr);
}

ssize_t KernelStream::transmit(std::span<iovec> pieces, bool more) {
  int flags = MSG_NOSIGNAL | (more ? MSG_MORE : 0);
  if (pieces.size() == 1) {
    const iovec& piece = pieces.front();
    return ::syscall(SYS_sendto, socket_.get(), piece.iov_base, piece.iov_len, flags, nullptr, 0);
  }
  msghdr message = {};
  message.msg_iov = pieces.data();
  message.msg_iovlen = pieces.size();
  return ::syscall(SYS_sendmsg, socket_.get(), &message, flags);
}

ssize_t KernelStream::transmit_file(const OutQueue::FilePart& part) {
  off_t offset = static_cast<off_t>(part.offset);
  size_t length = std::min<uint64_t>(part.length, max_burst);
  return ::sendfile(socket_.get(), part.file->descriptor(), &offset, length);
}

void KernelStream::finish_transmitting() { ::shutdown(socket_.get(), SHUT_WR); }

int KernelStream::take_error() {
  int error = 0;
  socklen_t size = sizeof(error);
  ::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  return error;
}

Address KernelStream::find_local_address() {
  sockaddr_storage storage = {};
  socklen_t length = sizeof(storage);
  sockaddr* address = reinterpret_cast<sockaddr*>(&storage);
  ::getsockname(socket_.get(), address, &length);
  return Address(address, length);
}

void KernelStream::close_with_reset() {
  linger linger = {1, 0};
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
  close_socket();
}

void KernelStream::set_no_delay(bool on) {
  if (on == no_delay_ || !remote_address().is_ip()) return;
  no_delay_ = on;
  int value = on;
  ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &value, sizeof(value));
}

void KernelStream::set_keepalive(bool on) {
  int value = on;
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_KEEPALIVE, &value, sizeof(value));
}

}  // namespace sluice::net
