#include "net/fstack_stream.h"

#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "net/fstack_errno.h"

namespace sluice::net {

FstackStream::FstackStream(FstackStack& stack, int socket, const Address& remote, bool connecting)
    : SocketStream(*stack.turn_, remote, connecting), stack_(stack), socket_(socket) {
  stack.open_streams_.push_back(*this);
}

/// A socket has two events, for reading and for writing, which may come in one batch: once the
/// first has closed the stream, SocketStream doesn't hear the second. The end of file for reading
/// is a FIN, and what the peer sent before it may still be there; with an error it is a reset.
void FstackStream::on_event(const FstackEvent& event) {
  bool reading = event.filter == FstackEvent::filter_read;
  uint32_t events = reading ? EPOLLIN : EPOLLOUT;
  if (event.flags & FstackEvent::end_of_file) {
    events |= reading ? EPOLLRDHUP : EPOLLHUP;
    if (event.filter_flags) events |= EPOLLERR;
  }
  if (event.flags & FstackEvent::failed) events |= EPOLLERR;
  handle_events(events);
}

ssize_t FstackStream::receive(std::span<char> room) {
  return stack_.api().read(socket_, room.data(), room.size());
}

// ff_writev() moves the caller's iovecs forward: these are used only once. There is no MSG_MORE.
ssize_t FstackStream::transmit(std::span<iovec> pieces, bool) {
  size_t asked = 0;
  for (const iovec& piece : pieces) asked += piece.iov_len;
  const FstackApi& api = stack_.api();
  ssize_t sent = pieces.size() == 1
                     ? api.write(socket_, pieces[0].iov_base, pieces[0].iov_len)
                     : api.writev(socket_, pieces.data(), static_cast<int>(pieces.size()));
  return await_room_unless(sent, asked);
}

/// There is no sendfile(): the bytes go through a buffer of the stack's.
ssize_t FstackStream::transmit_file(const OutQueue::FilePart& part) {
  std::span<char> buffer = stack_.file_buffer();
  size_t length = std::min<uint64_t>(part.length, buffer.size());
  ssize_t size =
      ::pread(part.file->descriptor(), buffer.data(), length, static_cast<off_t>(part.offset));
  if (size <= 0) return size;
  ssize_t sent = stack_.api().write(socket_, buffer.data(), static_cast<size_t>(size));
  return await_room_unless(sent, static_cast<size_t>(size));
}

/// Room is announced only to those who ask: every acknowledgment would be an event otherwise.
ssize_t FstackStream::await_room_unless(ssize_t sent, size_t asked) {
  bool complete = sent >= 0 && static_cast<size_t>(sent) == asked;
  if (complete || (sent < 0 && errno != EAGAIN)) return sent;
  int error = errno;
  stack_.await_room(socket_, *this);
  errno = error;
  return sent;
}

void FstackStream::finish_transmitting() { stack_.api().shutdown(socket_, SHUT_WR); }

int FstackStream::take_error() {
  int error = 0;
  socklen_t size = sizeof(error);
  stack_.api().get_option(socket_, SOL_SOCKET, SO_ERROR, &error, &size);
  return errno_from_freebsd(error);
}

Address FstackStream::find_local_address() {
  sockaddr_storage storage = {};
  socklen_t length = sizeof(storage);
  sockaddr* address = reinterpret_cast<sockaddr*>(&storage);
  if (stack_.api().get_local_address(socket_, address, &length) < 0) return {};
  return Address(address, length);
}

void FstackStream::close_with_reset() {
  linger linger = {1, 0};
  stack_.api().set_option(socket_, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
  close_socket();
}

void FstackStream::close_socket() {
  ListHook<OpenFstackStreams>::unlink();
  if (socket_ < 0) return;
  stack_.closing(*this);
  stack_.api().close(std::exchange(socket_, -1));
}

void FstackStream::set_no_delay(bool on) {
  int value = on;
  stack_.api().set_option(socket_, IPPROTO_TCP, TCP_NODELAY, &value, sizeof(value));
}

void FstackStream::set_keepalive(bool on) {
  int value = on;
  stack_.api().set_option(socket_, SOL_SOCKET, SO_KEEPALIVE, &value, sizeof(value));
}

}  // namespace sluice::net
