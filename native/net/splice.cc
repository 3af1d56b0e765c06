#include "net/splice.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <vector>

namespace sluice::net {
namespace {

struct Pipe {
  Descriptor out;
  Descriptor in;
};

/// This thread's pipes without a user; all are empty.
thread_local std::vector<Pipe> idle_pipes;
constexpr size_t max_idle_pipes = 64;
thread_local size_t pipes_in_use = 0;
/// Room of a pipe, and the most that one step moves.
constexpr int pipe_size = 256 * 1024;
/// What one pump() moves before others get their turn.
constexpr uint64_t max_burst = 1024 * 1024;

}  // namespace

SplicePump::~SplicePump() { return_pipe(); }

bool SplicePump::open_pipe() {
  if (pipe_in_ >= 0) return true;
  if (!idle_pipes.empty()) {
    pipe_out_ = idle_pipes.back().out.release();
    pipe_in_ = idle_pipes.back().in.release();
    idle_pipes.pop_back();
    ++pipes_in_use;
    return true;
  }
  int ends[2];
  if (::pipe2(ends, O_NONBLOCK | O_CLOEXEC) < 0) return false;
  // A user's pages in pipes are limited, and beyond it new pipes are tiny (pipe(7)): only so many
  // are made large.
  if (pipes_in_use < max_idle_pipes) ::fcntl(ends[1], F_SETPIPE_SZ, pipe_size);
  pipe_out_ = ends[0];
  pipe_in_ = ends[1];
  ++pipes_in_use;
  return true;
}

void SplicePump::return_pipe() {
  if (pipe_in_ < 0) return;
  Pipe pipe{Descriptor(pipe_out_), Descriptor(pipe_in_)};
  pipe_in_ = pipe_out_ = -1;
  --pipes_in_use;
  if (in_pipe_ == 0 && idle_pipes.size() < max_idle_pipes) idle_pipes.push_back(std::move(pipe));
}

size_t SplicePump::take_back(std::span<char> room) {
  if (in_pipe_ == 0) return 0;
  ssize_t size = ::read(pipe_out_, room.data(), std::min<size_t>(room.size(), in_pipe_));
  if (size <= 0) return 0;
  in_pipe_ -= size;
  taken_back_ += size;
  return size;
}

SplicePump::Result SplicePump::pump() {
  if (!open_pipe()) {
    error_ = errno;
    return Result::read_failed;
  }
  Result result = move();
  if (in_pipe_ == 0) return_pipe();
  return result;
}

SplicePump::Result SplicePump::move() {
  constexpr unsigned flags = SPLICE_F_MOVE | SPLICE_F_NONBLOCK;
  uint64_t stop_at = written_ + max_burst;
  while (true) {
    bool source_blocked = false;
    if (in_pipe_ == 0 && remaining_ > 0 && !source_ended_) {
      size_t wanted = std::min<uint64_t>(remaining_, pipe_size);
      ssize_t size = ::splice(from_, nullptr, pipe_in_, nullptr, wanted, flags);
      if (size > 0) {
        in_pipe_ += size;
        if (remaining_ != until_end) remaining_ -= size;
      } else if (size == 0) {
        source_ended_ = true;
      } else if (errno == EAGAIN) {
        source_blocked = true;
      } else if (errno != EINTR) {
        error_ = errno;
        return Result::read_failed;
      }
    }
    if (in_pipe_ == 0) {
      if (remaining_ == 0) return Result::done;
      if (source_ended_) return Result::ended;
      if (source_blocked) return Result::read_blocked;
      continue;
    }
    // No SPLICE_F_MORE: the kernel would sit on a slow source's bytes for 200 ms.
    ssize_t size = ::splice(pipe_out_, nullptr, to_, nullptr, in_pipe_, flags);
    if (size > 0) {
      in_pipe_ -= size;
      written_ += size;
      if (written_ >= stop_at) return Result::yielded;
    } else if (errno == EAGAIN) {
      return Result::write_blocked;
    } else if (errno != EINTR) {
      error_ = errno;
      return Result::write_failed;
    }
  }
}

}  // namespace sluice::net
