#include "net/out_queue.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

#include "base/block_pool.h"
#include "base/recycled.h"

namespace sluice::net {

/// Bytes that the queue owns. Shared by the segments that lie in it and by the queue while it still
/// has room.
struct alignas(16) OutQueue::OwnBlock {
  uint32_t references;
  uint32_t used;
  size_t capacity;
  BlockSize size;
  bool pooled;

  /// A head and a body worth copying fit together.
  static constexpr BlockSize smallest = BlockSize::k16;

  char* bytes() { return reinterpret_cast<char*>(this + 1); }
  size_t room() const { return capacity - used; }

  static OwnBlock* make(size_t least) {
    size_t whole = sizeof(OwnBlock) + least;
    BlockSize size = std::max(block_size_for(whole), smallest);
    bool pooled = whole <= bytes_of(size);
    if (pooled) whole = bytes_of(size);
    void* memory = pooled ? block_pool::take(size) : std::malloc(whole);
    if (!memory) std::abort();
    return ::new (memory) OwnBlock{1, 0, whole - sizeof(OwnBlock), size, pooled};
  }
  static void release(OwnBlock* block) {
    if (!block || --block->references) return;
    if (block->pooled) {
      block_pool::give_back(block, block->size);
    } else {
      std::free(block);
    }
  }
};

struct OutQueue::Segment : Recycled<Segment> {
  Segment* next = nullptr;
  const char* data = nullptr;
  size_t length = 0;
  OwnBlock* block = nullptr;  ///< where `data` lies, unless it is borrowed
  FileRef file;               ///< else the bytes are memory
  uint64_t offset = 0;

  bool borrowed() const { return !block && !file; }
};

namespace {

/// Copying less into a block that is there anyway costs less than one more piece to send: what the
/// processor has in its cache, against the kernel's way of gathering (2 % of a request at 10 KiB).
constexpr size_t worth_borrowing = 12 * 1024;

}  // namespace

OutQueue::Segment& OutQueue::append() {
  Segment* segment = std::make_unique<Segment>().release();
  (tail_ ? tail_->next : head_) = segment;
  tail_ = segment;
  return *segment;
}

void OutQueue::borrow(std::span<const char> bytes) {
  if (bytes.empty()) return;
  if (bytes.size() < worth_borrowing && fill_ && fill_->room() >= bytes.size()) {
    copy(bytes);
    return;
  }
  size_ += bytes.size();
  if (tail_ && tail_->borrowed() && tail_->data + tail_->length == bytes.data()) {
    tail_->length += bytes.size();
    return;
  }
  Segment& segment = append();
  segment.data = bytes.data();
  segment.length = bytes.size();
}

void OutQueue::ensure_room(size_t size) {
  if (fill_ && fill_->room() >= size) return;
  OwnBlock::release(fill_);
  fill_ = OwnBlock::make(size);
}

std::span<char> OutQueue::prepare(size_t size) {
  ensure_room(size);
  return {fill_->bytes() + fill_->used, size};
}

void OutQueue::commit(size_t size) {
  if (size == 0) {
    if (empty()) clear();
    return;
  }
  char* begin = fill_->bytes() + fill_->used;
  fill_->used += size;
  size_ += size;
  if (tail_ && tail_->block == fill_ && tail_->data + tail_->length == begin) {
    tail_->length += size;
    return;
  }
  Segment& segment = append();
  segment.data = begin;
  segment.length = size;
  segment.block = fill_;
  ++fill_->references;
}

void OutQueue::copy(std::span<const char> bytes) {
  if (bytes.empty()) return;
  std::memcpy(prepare(bytes.size()).data(), bytes.data(), bytes.size());
  commit(bytes.size());
}

void OutQueue::add_file(FileRef file, uint64_t offset, uint64_t length) {
  if (length == 0) return;
  size_ += length;
  Segment& segment = append();
  segment.file = std::move(file);
  segment.offset = offset;
  segment.length = length;
}

size_t OutQueue::move_to(OutQueue& to, size_t most, size_t least, bool& lent) {
  size_t moved = 0;
  while (moved < most && head_ && !head_->file) {
    size_t taken = std::min(most - moved, head_->length);
    moved += taken;
    if (head_->borrowed() && taken < least) {
      to.copy({head_->data, taken});
    } else {
      lent |= head_->borrowed();
      Segment& segment = to.append();
      segment.data = head_->data;
      segment.length = taken;
      segment.block = head_->block;
      if (segment.block) ++segment.block->references;
      to.size_ += taken;
    }
    shorten_front(taken);
  }
  size_ -= moved;
  if (empty()) clear();
  return moved;
}

void OutQueue::own_borrowed() {
  for (Segment* segment = head_; segment; segment = segment->next) {
    if (!segment->borrowed()) continue;
    ensure_room(segment->length);
    char* to = fill_->bytes() + fill_->used;
    std::memcpy(to, segment->data, segment->length);
    fill_->used += segment->length;
    ++fill_->references;
    segment->data = to;
    segment->block = fill_;
  }
}

int OutQueue::gather(std::span<iovec> out, bool& more) const {
  size_t count = 0;
  Segment* s = head_;
  for (; s && !s->file && count < out.size(); s = s->next) {
    out[count++] = {const_cast<char*>(s->data), s->length};
  }
  more = s != nullptr;
  return static_cast<int>(count);
}

OutQueue::FilePart OutQueue::front_file() const {
  if (!head_ || !head_->file) return {};
  return {head_->file.get(), head_->offset, head_->length};
}

void OutQueue::drop_front() {
  std::unique_ptr<Segment> segment(head_);
  head_ = segment->next;
  if (!head_) tail_ = nullptr;
  OwnBlock::release(segment->block);
}

void OutQueue::shorten_front(size_t bytes) {
  if (bytes == head_->length) {
    drop_front();
    return;
  }
  head_->length -= bytes;
  head_->offset += bytes;
  if (head_->data) head_->data += bytes;
}

void OutQueue::consume(size_t bytes) {
  size_ -= bytes;
  while (bytes) {
    size_t taken = std::min(bytes, head_->length);
    bytes -= taken;
    shorten_front(taken);
  }
  if (empty()) clear();
}

void OutQueue::clear() {
  while (head_) drop_front();
  OwnBlock::release(fill_);
  fill_ = nullptr;
  size_ = 0;
}

}  // namespace sluice::net
