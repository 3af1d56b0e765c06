#pragma once

#include <ngtcp2/ngtcp2.h>

#include <cstdint>
#include <span>

#include "base/file.h"
#include "net/out_queue.h"

namespace sluice::quic {

/// What a stream sends. Bytes stay in place until the peer has acknowledged them, for ngtcp2 sends
/// them again from there; files are read when their turn comes. Holds no memory while it is empty.
class SendBuffer {
 public:
  SendBuffer() = default;
  SendBuffer(const SendBuffer&) = delete;
  SendBuffer& operator=(const SendBuffer&) = delete;
  ~SendBuffer() { clear(); }

  /// Copies.
  void write(std::span<const uint8_t> bytes);
  void write_file(FileRef file, uint64_t offset, uint64_t length);
  /// Nothing follows.
  void finish() { finished_ = true; }
  bool finished() const { return finished_; }

  /// Bytes that were not given to sent() yet, files included.
  size_t unsent() const { return unsent_ + later_.size(); }
  /// Whether there is anything to send, an end at least.
  bool ready() const { return unsent() > 0 || (finished_ && !end_sent_); }

  /// Whether the peer has everything so far.
  bool delivered() const { return !head_ && !ready(); }

  /// Points to what can be sent now. `end`: the stream ends with it. False: a file can't be read.
  bool gather(std::span<ngtcp2_vec> out, size_t& count, bool& end);
  void sent(size_t bytes, bool end);
  void acknowledged(uint64_t bytes);
  /// Drops everything. Only once ngtcp2 has let go of the stream.
  void clear();

 private:
  struct Block;
  /// Bytes of files that are read ahead of their sending.
  static constexpr size_t read_ahead = 64 * 1024;

  std::span<uint8_t> room(size_t wanted);
  void append(std::span<const uint8_t> bytes);
  bool load();

  Block* head_ = nullptr;
  Block* tail_ = nullptr;
  Block* cursor_ = nullptr;   ///< the block of the next byte to send
  size_t cursor_offset_ = 0;  ///< within it
  size_t head_offset_ = 0;    ///< of the first byte that isn't acknowledged
  size_t unsent_ = 0;         ///< in blocks
  net::OutQueue later_;       ///< from the first file on
  bool finished_ = false;
  bool end_sent_ = false;
};

}  // namespace sluice::quic
