#include "quic/send_buffer.h"

#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <new>

#include "base/block_pool.h"

namespace sluice::quic {

/// A block of the pool, with bytes behind this head.
struct SendBuffer::Block {
  Block* next = nullptr;
  BlockSize kind;
  uint32_t filled = 0;

  explicit Block(BlockSize size) : kind(size) {}
  static Block* make(size_t wanted) {
    BlockSize size = block_size_for(wanted + sizeof(Block));
    return ::new (block_pool::take(size)) Block(size);
  }
  void give_back() { block_pool::give_back(this, kind); }
  uint8_t* bytes() { return reinterpret_cast<uint8_t*>(this + 1); }
  size_t capacity() const { return bytes_of(kind) - sizeof(Block); }
};

std::span<uint8_t> SendBuffer::room(size_t wanted) {
  if (!tail_ || tail_->filled == tail_->capacity()) {
    Block* block = Block::make(wanted);
    (tail_ ? tail_->next : head_) = block;
    tail_ = block;
    if (!cursor_) {
      cursor_ = block;
      cursor_offset_ = 0;
    }
  }
  return {tail_->bytes() + tail_->filled, tail_->capacity() - tail_->filled};
}

void SendBuffer::append(std::span<const uint8_t> bytes) {
  while (!bytes.empty()) {
    std::span<uint8_t> space = room(bytes.size());
    size_t size = std::min(space.size(), bytes.size());
    std::copy_n(bytes.begin(), size, space.begin());
    tail_->filled += uint32_t(size);
    unsent_ += size;
    bytes = bytes.subspan(size);
  }
}

void SendBuffer::write(std::span<const uint8_t> bytes) {
  if (later_.empty()) {
    append(bytes);
  } else {
    later_.copy({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }
}

void SendBuffer::write_file(FileRef file, uint64_t offset, uint64_t length) {
  later_.add_file(std::move(file), offset, length);
}

bool SendBuffer::load() {
  while (unsent_ < read_ahead && !later_.empty()) {
    net::OutQueue::FilePart part = later_.front_file();
    if (!part.file) {
      iovec vectors[8];
      bool more = false;
      int count = later_.gather(vectors, more);
      size_t size = 0;
      for (const iovec& vector : std::span(vectors).first(size_t(count))) {
        append({static_cast<const uint8_t*>(vector.iov_base), vector.iov_len});
        size += vector.iov_len;
      }
      later_.consume(size);
      continue;
    }
    std::span<uint8_t> space = room(std::min<uint64_t>(part.length, read_ahead));
    size_t wanted = std::min<uint64_t>({part.length, space.size(), read_ahead});
    ssize_t got = ::pread(part.file->descriptor(), space.data(), wanted, off_t(part.offset));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;  // it has become shorter
    tail_->filled += uint32_t(got);
    unsent_ += size_t(got);
    later_.consume(size_t(got));
  }
  return true;
}

bool SendBuffer::gather(std::span<ngtcp2_vec> out, size_t& count, bool& end) {
  count = 0;
  if (!later_.empty() && !load()) return false;
  size_t offset = cursor_offset_;
  Block* block = cursor_;
  for (; block && count < out.size(); block = block->next, offset = 0) {
    if (block->filled > offset) out[count++] = {block->bytes() + offset, block->filled - offset};
  }
  end = finished_ && !end_sent_ && !block && later_.empty();
  return true;
}

void SendBuffer::sent(size_t bytes, bool end) {
  unsent_ -= bytes;
  end_sent_ |= end;
  while (bytes > 0) {
    size_t size = std::min<size_t>(bytes, cursor_->filled - cursor_offset_);
    cursor_offset_ += size;
    bytes -= size;
    if (cursor_offset_ < cursor_->filled || !cursor_->next) continue;
    cursor_ = cursor_->next;
    cursor_offset_ = 0;
  }
}

void SendBuffer::acknowledged(uint64_t bytes) {
  while (bytes > 0 && head_) {
    size_t size = std::min<uint64_t>(bytes, head_->filled - head_offset_);
    head_offset_ += size;
    bytes -= size;
    if (head_offset_ < head_->filled) break;
    // The block that is being filled goes too, once all of it has arrived.
    Block* next = head_->next;
    if (head_ == cursor_) {
      cursor_ = next;
      cursor_offset_ = 0;
    }
    if (head_ == tail_) tail_ = nullptr;
    head_->give_back();
    head_ = next;
    head_offset_ = 0;
  }
}

void SendBuffer::clear() {
  while (head_) {
    Block* next = head_->next;
    head_->give_back();
    head_ = next;
  }
  tail_ = cursor_ = nullptr;
  cursor_offset_ = head_offset_ = unsent_ = 0;
  later_.clear();
}

}  // namespace sluice::quic
