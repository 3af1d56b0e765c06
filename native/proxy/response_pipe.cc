#include "proxy/response_pipe.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "proxy/exchange.h"

namespace sluice {

bool ResponsePipe::write(std::string_view bytes, bool flush) {
  if (empty() && !exchange_.blocked()) {
    Verdict verdict = exchange_.send_body({.bytes = bytes, .flush = flush});
    return verdict.is_ok();
  }
  return keep(bytes);
}

bool ResponsePipe::full(bool buffering) const {
  if (!buffering) return !empty() || exchange_.blocked();
  return end_ - begin_ >= capacity() && !has_file_room(end_ - begin_);
}

bool ResponsePipe::has_file_room(size_t size) const {
  return !file_failed_ && (file_ ? file_->size() : 0) + size <= conf_.max_temp_file_size;
}

bool ResponsePipe::keep(std::string_view bytes) {
  if (bytes.empty()) return !exchange_.ended();
  if (end_ - begin_ + bytes.size() > capacity() && has_file_room(end_ - begin_)) spill();
  // One read beyond the buffers' size is taken in, because it has been read already.
  size_t needed = end_ - begin_ + bytes.size();
  if (needed > size_) {
    size_t size = std::max(needed, capacity());
    auto memory = std::make_unique_for_overwrite<char[]>(size);
    std::copy(memory_.get() + begin_, memory_.get() + end_, memory.get());
    // The client's queue may still borrow from the old memory.
    if (memory_) exchange_.downstream.flush();
    memory_ = std::move(memory);
    size_ = size;
    end_ -= begin_;
    begin_ = 0;
  } else if (end_ + bytes.size() > size_) {
    exchange_.downstream.flush();
    std::memmove(memory_.get(), memory_.get() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  std::memcpy(memory_.get() + end_, bytes.data(), bytes.size());
  end_ += bytes.size();
  return !exchange_.ended();
}

// Moves what memory holds to the end of the file.
bool ResponsePipe::spill() {
  if (begin_ == end_) return true;
  if (!file_) {
    file_ = TempFile::create({conf_.temp_path, conf_.temp_levels}, false);
    if (!file_) {
      exchange_.log_errno(LogLevel::crit, errno, "creating a temporary file in \"%.*s\" failed",
                          int(conf_.temp_path.size()), conf_.temp_path.data());
      file_failed_ = true;
      return false;
    }
    exchange_.log(LogLevel::warn, "an upstream response is buffered to a temporary file %s",
                  file_->name().c_str());
  }
  if (!file_->write({memory_.get() + begin_, end_ - begin_})) {
    exchange_.log_errno(LogLevel::crit, errno, "write() \"%s\" failed", file_->name().c_str());
    file_failed_ = true;
    return false;
  }
  file_end_ = file_->size();
  begin_ = end_ = 0;
  return true;
}

bool ResponsePipe::drain() {
  if (file_begin_ < file_end_ && !exchange_.blocked()) {
    uint64_t length = file_end_ - file_begin_;
    uint64_t offset = std::exchange(file_begin_, file_end_);
    if (!exchange_.send_body({.file = file_->file(), .offset = offset, .length = length}).is_ok())
      return false;
  }
  if (begin_ < end_ && file_begin_ == file_end_ && !exchange_.blocked()) {
    std::string_view bytes(memory_.get() + begin_, end_ - begin_);
    if (!exchange_.send_body({.bytes = bytes, .flush = true}).is_ok()) return false;
    // The bytes stay where they are until the queue has sent or copied them: only later writes come
    // here.
    exchange_.downstream.flush();
    begin_ = end_ = 0;
  }
  return !exchange_.ended();
}

}  // namespace sluice
