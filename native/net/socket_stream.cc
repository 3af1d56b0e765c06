#include "net/socket_stream.h"

#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>

namespace sluice::net {

void SocketStream::write(std::span<const char> bytes) {
  queue_.borrow(bytes);
  queued();
}

void SocketStream::commit(size_t size) {
  queue_.commit(size);
  queued();
}

void SocketStream::commit_unhurried(size_t size) {
  queue_.commit(size);
  if (!closed_) turn_.settle_unhurried(*this);
}

void SocketStream::write_file(FileRef file, uint64_t offset, uint64_t length) {
  queue_.add_file(std::move(file), offset, length);
  queued();
}

void SocketStream::queued() {
  if (blocked()) was_blocked_ = true;
  if (!closed_) turn_.settle_later(*this);
}

// Few calls to return from: after a system call the processor guesses wrong at each.
[[gnu::flatten]] void SocketStream::flush() {
  send();
  if (!queue_.empty()) {
    was_blocked_ = true;
    queue_.own_borrowed();
  } else if (!error_ && !was_blocked_) {
    ListHook<ToFlush>::unlink();  // settled
  }
}

void SocketStream::send() {
  size_t sent = 0;
  while (!queue_.empty() && !full_ && !error_) {
    if (sent >= max_burst) {
      visit_later();
      return;
    }
    OutQueue::FilePart part = queue_.front_file();
    ssize_t size = part.file ? transmit_file(part) : send_memory();
    if (size == 0) {
      fail(EIO);  // the file was cut short: the promised length can't be kept
    } else if (size > 0) {
      queue_.consume(size);
      sent += size;
      last_sent_ms_ = turn_.timers().now();
    } else if (errno == EAGAIN) {
      full_ = true;
    } else if (errno != EINTR) {
      fail(errno);
    }
  }
  if (queue_.empty() && shutdown_wanted_ && !shutdown_done_ && !full_ && !error_) {
    shutdown_done_ = true;
    finish_transmitting();
  }
}

ssize_t SocketStream::send_memory() {
  iovec pieces[64];
  bool more = false;
  int count = queue_.gather(pieces, more);
  // A head and a small file behind it shall share a packet. Before a large one it goes ahead: the
  // client wakes up meanwhile, which measures 10 % cheaper per MiB.
  bool joined = ending_ || (more && queue_.size() <= high_mark);
  size_t asked = 0;
  for (int i = 0; i < count; ++i) asked += pieces[i].iov_len;

  ssize_t size = transmit({pieces, static_cast<size_t>(count)}, joined);
  // Less than asked means a full socket, which announces its room (epoll(7)): no need to meet
  // EAGAIN.
  if (size > 0 && static_cast<size_t>(size) < asked) full_ = true;
  return size;
}

/// Told to the consumer later: it may be the one who is calling.
void SocketStream::fail(int error) {
  error_ = error;
  if (error_) queued();
}

/// Sends what a callback has left. Calls no consumer: it happens between the reads of another
/// stream.
void SocketStream::settle() {
  flush();
  if (error_ ? !failed_ : owes_writable()) visit_later();
}

bool SocketStream::owes_writable() const {
  return was_blocked_ && !full_ && queue_.size() <= low_mark;
}

void SocketStream::visit_later() {
  if (!closed_) turn_.visit_later(*this);
}

void SocketStream::visit() {
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
    turn_.flush();
    if (closed_) return;
  }
  if (!queue_.empty() && !full_) queued();
  read();
}

void SocketStream::handle_events(uint32_t events) {
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
    if (events & EPOLLERR) fail(take_error());
  } else if (events & (EPOLLIN | EPOLLRDHUP | EPOLLERR | EPOLLHUP)) {
    readable_ = true;
    read();
  }
}

bool SocketStream::handle_connected(uint32_t events) {
  if (events & (EPOLLERR | EPOLLHUP)) {
    error_ = take_error();
    if (error_) {
      report_error();
      return false;
    }
  }
  if (!(events & (EPOLLOUT | EPOLLIN))) return false;
  connecting_ = full_ = false;
  if (!queue_.empty() || shutdown_wanted_) queued();
  consumer_->on_connected();
  turn_.flush();
  return true;
}

void SocketStream::read() {
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
    char* buffer = turn_.read_buffer();
    ssize_t size = receive({buffer, asked});
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
      turn_.flush();
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

void SocketStream::report_end() {
  readable_ = false;
  ended_ = true;
  consumer_->on_end();
}

void SocketStream::report_error() {
  failed_ = true;
  queue_.clear();
  consumer_->on_error(error_);
}

void SocketStream::resume_reading() {
  paused_ = false;
  if (readable_) visit_later();
}

void SocketStream::set_read_size(size_t size) {
  read_size_ = std::clamp<size_t>(size, 1, max_read);
}

bool SocketStream::read_directly(bool on) {
  direct_ = on;
  readable_ = true;
  visit_later();
  return true;
}

void SocketStream::await_room() {
  full_ = true;
  was_blocked_ = true;
}

void SocketStream::shutdown_write() {
  shutdown_wanted_ = true;
  queued();
}

void SocketStream::close() {
  if (closed_) return;
  if (!queue_.empty()) ending_ = true;
  // Ahead of closing, which may say RST and drop what waits for our FIN.
  if (ending_) shutdown_wanted_ = true;
  send();
  closed_ = true;
  queue_.clear();
  turn_.bury(*this);
  close_socket();
}

void SocketStream::reset() {
  if (closed_) return;
  queue_.clear();
  closed_ = true;
  turn_.bury(*this);
  close_with_reset();
}

const Address& SocketStream::local_address() {
  if (!local_) local_ = std::make_unique<Address>(find_local_address());
  return *local_;
}

}  // namespace sluice::net
