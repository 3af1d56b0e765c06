// A TLS stream's way from plaintext to records.

#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "tls/tls_stream.h"

namespace sluice::tls {

namespace {

/// What a new TCP connection may send at once (RFC 6928: ten segments), records' overhead off. Of a
/// longer burst the first records are short: the peer can use one only when all of it is there.
constexpr size_t first_window = 14'000;
constexpr size_t first_record = 4096;
constexpr uint64_t idle_ms = 1000;

/// The plaintext of a record that is gathered from several pieces.
std::span<char> gathered() {
  thread_local std::unique_ptr<char[]> buffer =
      std::make_unique_for_overwrite<char[]>(record::largest_plaintext);
  return {buffer.get(), record::largest_plaintext};
}

}  // namespace

void TlsStream::write(std::span<const char> bytes) {
  pending_.borrow(bytes);
  stack_.settle_later(*this);
}

void TlsStream::commit(size_t size) {
  pending_.commit(size);
  stack_.settle_later(*this);
}

void TlsStream::write_file(FileRef file, uint64_t offset, uint64_t length) {
  pending_.add_file(std::move(file), offset, length);
  stack_.settle_later(*this);
}

void TlsStream::settle() { encrypt(); }

void TlsStream::flush() {
  encrypt();
  inner_->flush();
}

void TlsStream::set_record_size(size_t size) {
  record_size_ = uint16_t(std::clamp<size_t>(size, 512, record::largest_plaintext));
}

size_t TlsStream::next_record_size() {
  uint64_t now = stack_.timers().now();
  if (now - last_write_ms_ > idle_ms) burst_ = 0;
  last_write_ms_ = now;
  bool long_burst_begins = burst_ < first_window && burst_ + pending_.size() > first_window;
  return long_burst_begins ? std::min<size_t>(first_record, record_size_) : record_size_;
}

// Seals the plaintext of the next record from where it lies, or says 0.
size_t TlsStream::write_record() {
  size_t limit = next_record_size();
  net::OutQueue::FilePart part = pending_.front_file();
  iovec pieces[64];
  size_t size = 0;
  if (part.file) {
    size = size_t(std::min<uint64_t>(limit, part.length));
  } else {
    bool more;
    int count = pending_.gather(pieces, more);
    for (int i = 0; i < count; ++i) size += pieces[i].iov_len;
    size = std::min(size, limit);
  }
  std::span<char> room = records_->prepare(size, pending_.size() - size);
  if (part.file) {
    std::span<char> data = records_->data_in(room).first(size);
    if (!read_file(part, data)) return 0;
    pieces[0] = {data.data(), size};
  }
  if (records_->write(pieces, size, room)) return size;
  failure_ = "no more TLS records can be made";
  return 0;
}

size_t TlsStream::write_record_to_openssl() {
  size_t limit = next_record_size();
  net::OutQueue::FilePart part = pending_.front_file();
  std::span<const char> plain;
  if (part.file) {
    std::span<char> bytes = gathered().first(size_t(std::min<uint64_t>(limit, part.length)));
    if (!read_file(part, bytes)) return 0;
    plain = bytes;
  } else {
    plain = gather(limit);
  }
  size_t written = 0;
  auto call = state_ == State::early ? SSL_write_early_data : SSL_write_ex;
  if (call(ssl_.get(), plain.data(), plain.size(), &written)) return plain.size();
  note_failure("SSL_write()", SSL_get_error(ssl_.get(), 0));
  return 0;
}

bool TlsStream::read_file(const net::OutQueue::FilePart& part, std::span<char> into) {
  ssize_t got = ::pread(part.file->descriptor(), into.data(), into.size(), off_t(part.offset));
  if (got == ssize_t(into.size())) return true;
  failure_ = "a file that was being sent was cut short";
  return false;
}

// Plaintext of one record: where it lies if it lies together, else gathered.
std::span<const char> TlsStream::gather(size_t limit) {
  iovec pieces[64];
  bool more;
  int count = pending_.gather(pieces, more);
  if (pieces[0].iov_len >= limit || count == 1) {
    return {static_cast<const char*>(pieces[0].iov_base), std::min(pieces[0].iov_len, limit)};
  }
  size_t size = 0;
  for (int i = 0; i < count && size < limit; ++i) {
    size_t taken = std::min(pieces[i].iov_len, limit - size);
    std::memcpy(gathered().data() + size, pieces[i].iov_base, taken);
    size += taken;
  }
  return gathered().first(size);
}

void TlsStream::encrypt() {
  if (closed_ || state_ == State::failed) {
    pending_.clear();
    return;
  }
  if (records_ && records_->owes_update() && !inner_->blocked()) records_->answer_update();
  if (state_ == State::open || state_ == State::early) {
    while (!pending_.empty()) {
      // A file may be longer than what we want to hold.
      if (inner_->blocked() && pending_.front_file().file) break;
      size_t size = records_ ? write_record() : write_record_to_openssl();
      if (size == 0) {
        // Told from visit(): whoever is writing now doesn't expect it.
        pending_.clear();
        broken_ = true;
        stack_.visit_later(*this);
        return;
      }
      burst_ = std::min<uint32_t>(burst_ + uint32_t(size), first_window);
      pending_.consume(size);
    }
  }
  pending_.own_borrowed();
  if (!pending_.empty()) return;
  if (ending_ || shutdown_wanted_) {
    send_close_notify();
    inner_->end_writing();
  }
  if (shutdown_wanted_) inner_->shutdown_write();
}

void TlsStream::on_writable() {
  encrypt();
  if (connected() && pending_.empty() && !inner_->blocked()) consumer_->on_writable();
}

void TlsStream::send_close_notify() {
  if (std::exchange(notified_, true)) return;
  if (records_) {
    records_->write_close_notify();
  } else if (SSL_is_init_finished(ssl_.get()) && SSL_shutdown(ssl_.get()) < 0) {
    ERR_clear_error();
  }
}

void TlsStream::shutdown_write() {
  shutdown_wanted_ = true;
  stack_.settle_later(*this);
}

}  // namespace sluice::tls
