#include "net/kernel_stream.h"

#include <netinet/tcp.h>
#include <sys/sendfile.h>

#include <algorithm>
#include <cerrno>

namespace sluice::net {

void KernelStream::write(std::span<const char> bytes) {
  queue_.borrow(bytes);
  queued();
}

void KernelStream::commit(size_t size) {
  queue_.commit(size);
  queued();
}

void KernelStream::write_file(FileRef file, uint64_t offset, uint64_t length) {
  queue_.add_file(std::move(file), offset, length);
  queued();
}

void KernelStream::queued() {
  if (blocked()) was_blocked_ = true;
  if (!closed_ && !ListHook<ToFlush>::linked()) stack_.dirty_.push_back(*this);
}

void KernelStream::flush() {
  send();
  if (!queue_.empty()) was_blocked_ = true;
  queue_.own_borrowed();
}

void KernelStream::send() {
  size_t sent = 0;
  while (!queue_.empty() && !full_ && !error_) {
    if (sent >= max_burst) {
      visit_later();
      return;
    }
    OutQueue::FilePart part = queue_.front_file();
    ssize_t size = part.file ? send_file(part) : send_memory();
    if (size > 0) {
      queue_.consume(size);
      sent += size;
      last_sent_ms_ = stack_.timers().now();
    } else if (errno == EAGAIN) {
      full_ = true;
    } else if (errno != EINTR) {
      fail(errno);
    }
  }
  if (queue_.empty() && shutdown_wanted_ && !shutdown_done_ && !full_ && !error_) {
    shutdown_done_ = true;
    ::shutdown(socket_.get(), SHUT_WR);
  }
}

ssize_t KernelStream::send_memory() {
  iovec pieces[64];
  bool more = false;
  int count = queue_.gather(pieces, more);
  // A head and a small file behind it shall share a packet. Before a large one it goes ahead: the
  // client wakes up meanwhile, which measures 10 % cheaper per MiB.
  bool joined = more && queue_.size() <= high_mark;
  int flags = MSG_NOSIGNAL | (joined ? MSG_MORE : 0);
  size_t asked = 0;
  for (int i = 0; i < count; ++i) asked += pieces[i].iov_len;

  ssize_t size;
  if (count == 1) {
    size = ::send(socket_.get(), pieces[0].iov_base, pieces[0].iov_len, flags);
  } else {
    msghdr message = {};
    message.msg_iov = pieces;
    message.msg_iovlen = count;
    size = ::sendmsg(socket_.get(), &message, flags);
  }
  // Less than asked means a full socket, which announces its room (epoll(7)): no need to meet
  // EAGAIN.
  if (size > 0 && static_cast<size_t>(size) < asked) full_ = true;
  return size;
}

ssize_t KernelStream::send_file(const OutQueue::FilePart& part) {
  off_t offset = static_cast<off_t>(part.offset);
  size_t length = std::min<uint64_t>(part.length, max_burst);
  ssize_t size = ::sendfile(socket_.get(), part.file->descriptor(), &offset, length);
  if (size == 0) {
    errno = EIO;  // the file was cut short: the promised length can't be kept
    return -1;
  }
  return size;
}

/// Told to the consumer later: it may be the one who is calling.
void KernelStream::fail(int error) {
  error_ = error;
  if (error_) queued();
}

/// Sends what a callback has left. Calls no consumer: it happens between the reads of another
/// stream.
void KernelStream::settle() {
  flush();
  if (error_ ? !failed_ : owes_writable()) visit_later();
}

bool KernelStream::owes_writable() const {
  return was_blocked_ && !full_ && queue_.size() <= low_mark;
}

void KernelStream::visit_later() {
  if (!closed_ && !ListHook<ToVisit>::linked()) stack_.waiting_.push_back(*this);
}

void KernelStream::visit() {
  if (failed_) return;
  if (error_) {
    // What the peer said before it went away is worth hearing: an early answer, for one.
    if (!paused_ && !direct_ && !ended_) {
      readable_ = broken_ = true;
      read();
    }
    if (!closed_ && !failed_) report_error();
    return;
  }
  if (owes_writable()) {
    was_blocked_ = false;
    consumer_->on_writable();
    stack_.flush_dirty();
    if (closed_) return;
  }
  if (!queue_.empty() && !full_) queued();
  read();
}

void KernelStream::on_events(uint32_t events) {
  if (closed_ || failed_) return;
  if (connecting_) {
    if (!handle_connected(events) || closed_) return;
  }
  if (events & EPOLLRDHUP) finished_ = true;
  if (events & (EPOLLERR | EPOLLHUP)) broken_ = true;
  if ((events & EPOLLOUT) && full_) {
    full_ = false;
    queued();
  }
  if (ended_) {
    if (events & EPOLLERR) fail(socket_error());
  } else if (events & (EPOLLIN | EPOLLRDHUP | EPOLLERR | EPOLLHUP)) {
    readable_ = true;
    read();
  }
}

int KernelStream::socket_error() const {
  int error = 0;
  socklen_t size = sizeof(error);
  ::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  return error;
}

bool KernelStream::handle_connected(uint32_t events) {
  if (events & (EPOLLERR | EPOLLHUP)) {
    error_ = socket_error();
    if (error_) {
      report_error();
      return false;
    }
  }
  if (!(events & (EPOLLOUT | EPOLLIN))) return false;
  connecting_ = full_ = false;
  if (!queue_.empty() || shutdown_wanted_) queued();
  consumer_->on_connected();
  stack_.flush_dirty();
  return true;
}

void KernelStream::read() {
  size_t total = 0;
  while (readable_ && !paused_ && !closed_ && !ended_ && !failed_ && !connecting_) {
    if (direct_) {
      readable_ = false;
      consumer_->on_readable();
      return;
    }
    if (emptied_) {
      report_end();
      return;
    }
    if (total >= max_read) {
      visit_later();
      return;
    }
    size_t asked = read_size_;
    char* buffer = stack_.read_buffer_.get();
    ssize_t size = ::recv(socket_.get(), buffer, asked, 0);
    if (size > 0) {
      total += size;
      // A short read has emptied the socket (epoll(7)): what comes later will be an event, and a
      // FIN that was one already comes next. Only after an error must reading find out which.
      if (static_cast<size_t>(size) < asked && !broken_) {
        emptied_ = finished_;
        readable_ = finished_;
      }
      consumer_->on_data({buffer, static_cast<size_t>(size)});
      // Before the buffer is used again: bytes borrowed from it may be queued anywhere.
      stack_.flush_dirty();
    } else if (size == 0) {
      report_end();
    } else if (errno == EAGAIN) {
      readable_ = false;
    } else if (errno != EINTR) {
      error_ = errno;
      report_error();
    }
  }
}

void KernelStream::report_end() {
  readable_ = false;
  ended_ = true;
  consumer_->on_end();
}

void KernelStream::report_error() {
  failed_ = true;
  queue_.clear();
  consumer_->on_error(error_);
}

void KernelStream::resume_reading() {
  paused_ = false;
  if (readable_) visit_later();
}

void KernelStream::set_read_size(size_t size) {
  read_size_ = std::clamp<size_t>(size, 1, max_read);
}

bool KernelStream::read_directly(bool on) {
  direct_ = on;
  readable_ = true;
  visit_later();
  return true;
}

void KernelStream::await_room() {
  full_ = true;
  was_blocked_ = true;
}

void KernelStream::shutdown_write() {
  shutdown_wanted_ = true;
  queued();
}

void KernelStream::close() {
  if (closed_) return;
  send();
  closed_ = true;
  queue_.clear();
  ListHook<ToFlush>::unlink();
  ListHook<ToVisit>::unlink();
  stack_.closed_.push_back(*this);
  socket_.reset();
}

void KernelStream::reset() {
  if (closed_) return;
  queue_.clear();
  linger linger = {1, 0};
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
  close();
}

const Address& KernelStream::local_address() {
  if (!local_) {
    sockaddr_storage storage = {};
    socklen_t length = sizeof(storage);
    sockaddr* address = reinterpret_cast<sockaddr*>(&storage);
    ::getsockname(socket_.get(), address, &length);
    local_ = std::make_unique<Address>(address, length);
  }
  return *local_;
}

void KernelStream::set_no_delay(bool on) {
  if (!remote_.is_ip()) return;
  int value = on;
  ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &value, sizeof(value));
}

void KernelStream::set_keepalive(bool on) {
  int value = on;
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_KEEPALIVE, &value, sizeof(value));
}

}  // namespace sluice::net
