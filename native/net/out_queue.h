#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/file.h"

namespace sluice::net {

/// What a stream has been given to send: borrowed bytes, bytes in the queue's own blocks, parts of
/// files, in order. Holds no memory while it is empty.
class OutQueue {
 public:
  OutQueue() = default;
  OutQueue(const OutQueue&) = delete;
  OutQueue& operator=(const OutQueue&) = delete;
  ~OutQueue() { clear(); }

  /// Bytes that stay valid until own_borrowed(), or until they are consumed.
  void borrow(std::span<const char> bytes);
  /// Room for `size` bytes at the tail; commit() takes the first bytes of it into the queue, before
  /// anything else is queued.
  std::span<char> prepare(size_t size);
  void commit(size_t size);
  void copy(std::span<const char> bytes);
  void add_file(FileRef file, uint64_t offset, uint64_t length);

  /// Moves up to `most` bytes of the beginning that lies in memory to the end of another queue, and
  /// says how many. Borrowed pieces of less than `worth_borrowing` are copied there, longer ones
  /// stay borrowed, which sets `lent`.
  size_t move_to(OutQueue& to, size_t most, size_t worth_borrowing, bool& lent);

  /// Copies what is still borrowed.
  void own_borrowed();

  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }

  /// The queue's beginning that lies in memory, up to the first file: how many of `out` were
  /// filled. `more` says whether something follows.
  int gather(std::span<iovec> out, bool& more) const;
  struct FilePart {
    const SharedFile* file;
    uint64_t offset;
    uint64_t length;
  };
  /// The file that the queue begins with; `file` is null if it begins with memory.
  FilePart front_file() const;

  /// Drops the first `bytes`, which were sent.
  void consume(size_t bytes);
  void clear();

 private:
  struct Segment;
  struct OwnBlock;
  Segment& append();
  void drop_front();
  void shorten_front(size_t bytes);
  void ensure_room(size_t size);

  Segment* head_ = nullptr;
  Segment* tail_ = nullptr;
  OwnBlock* fill_ = nullptr;  ///< the block that prepare() gives room in
  size_t size_ = 0;
};

}  // namespace sluice::net
