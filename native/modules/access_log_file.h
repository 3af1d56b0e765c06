#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/timer.h"
#include "proxy/data_thread.h"

namespace sluice {

/// A log file of this thread. Lines are collected and written together: at the turn's end, or with
/// `buffer` when that is full.
class AccessLogFile final : public DataThread::TurnEnd, public DataThread::LogFile {
 public:
  struct Options {
    int descriptor = -1;
    std::string_view path;
    size_t buffer = 0;      ///< bytes; 0: until the turn's end
    uint64_t flush_ms = 0;  ///< how long a line may wait in the buffer; 0: for ever
    int gzip = 0;           ///< level; 0: plain
  };
  AccessLogFile(DataThread& thread, const Options& options);

  /// False while the disk is full: for a second nothing is tried.
  bool takes_lines() const;
  /// Append a line to what this returns, then call end_line().
  std::string& begin_line();
  void end_line();

  void flush() override;
  void on_turn_end() override { flush(); }

 private:
  void write(std::string_view text);
  void report(ssize_t written, size_t size);

  DataThread& thread_;
  Options options_;
  std::string text_;
  size_t line_start_ = 0;
  Timer flush_timer_;
  int64_t disk_full_at_ = 0;
  int64_t reported_at_ = 0;
};

}  // namespace sluice
