#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/file.h"

namespace sluice::net {

/// Moves bytes between two non-blocking kernel sockets through a pipe, without copying them to user
/// space. The pipe comes from the thread's pool with the first byte and goes back whenever it is
/// empty.
class SplicePump {
 public:
  static constexpr uint64_t until_end = UINT64_MAX;

  /// `remaining` bytes, or all there are. The descriptors stay their owners'.
  SplicePump(int from, int to, uint64_t remaining) : from_(from), to_(to), remaining_(remaining) {}
  ~SplicePump();
  SplicePump(const SplicePump&) = delete;
  SplicePump& operator=(const SplicePump&) = delete;

  enum class Result : uint8_t {
    done,           ///< all of `remaining` is through
    ended,          ///< the source has ended (FIN), and what it sent is through
    read_blocked,   ///< wait until the source is readable
    write_blocked,  ///< wait until the target is writable
    yielded,        ///< more could be moved at once, but others want their turn
    read_failed,    ///< error() says why
    write_failed,
  };
  Result pump();

  /// Takes what has left the source and not reached the target, up to the room there is, to send it
  /// in another way.
  size_t take_back(std::span<char> room);

  /// Bytes that have reached the target; those that have left the source.
  uint64_t written() const { return written_; }
  uint64_t read() const { return written_ + in_pipe_ + taken_back_; }
  uint64_t remaining() const { return remaining_; }
  int error() const { return error_; }

 private:
  Result move();
  bool open_pipe();
  void return_pipe();

  int from_;
  int to_;
  uint64_t remaining_;  ///< still to be read
  uint64_t written_ = 0;
  uint64_t taken_back_ = 0;
  uint32_t in_pipe_ = 0;
  int error_ = 0;
  bool source_ended_ = false;
  int pipe_in_ = -1;
  int pipe_out_ = -1;
};

}  // namespace sluice::net
