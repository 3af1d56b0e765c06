#include "modules/access_log_file.h"

#include <unistd.h>

#include <cerrno>

#include "base/clock.h"
#include "base/gzip.h"

namespace sluice {

namespace {

/// Of lines that wait for the turn's end.
constexpr size_t batch_size = 64 * 1024;
/// A log that can't be written to says so once a minute.
constexpr int64_t report_interval_s = 60;

}  // namespace

AccessLogFile::AccessLogFile(DataThread& thread, const Options& options)
    : thread_(thread), options_(options) {
  flush_timer_.bind<&AccessLogFile::flush>(this);
  thread.register_log_file(*this);
}

bool AccessLogFile::takes_lines() const { return Clock::of_thread().seconds() != disk_full_at_; }

std::string& AccessLogFile::begin_line() {
  line_start_ = text_.size();
  return text_;
}

void AccessLogFile::end_line() {
  text_.push_back('\n');
  if (options_.buffer == 0) {
    if (text_.size() >= batch_size) {
      flush();
    } else if (line_start_ == 0) {
      thread_.at_turn_end(*this);
    }
    return;
  }
  if (text_.size() > options_.buffer && line_start_ > 0) {
    write({text_.data(), line_start_});
    text_.erase(0, line_start_);
    line_start_ = 0;
  }
  if (text_.size() > options_.buffer) {
    flush();
  } else if (options_.flush_ms && line_start_ == 0) {
    flush_timer_.set(options_.flush_ms);
  }
}

void AccessLogFile::flush() {
  flush_timer_.cancel();
  if (text_.empty()) return;
  write(text_);
  text_.clear();
}

void AccessLogFile::write(std::string_view text) {
  std::optional<std::string> compressed;
  if (options_.gzip) {
    compressed = gzip(text, options_.gzip);
    if (!compressed) {
      thread_.error_log().write(LogLevel::alert, {}, "deflate() failed");
      return;
    }
    text = *compressed;
  }
  ssize_t written = ::write(options_.descriptor, text.data(), text.size());
  if (written != ssize_t(text.size())) report(written, text.size());
}

void AccessLogFile::report(ssize_t written, size_t size) {
  int error = written < 0 ? errno : 0;
  int64_t now = Clock::of_thread().seconds();
  if (error == ENOSPC) disk_full_at_ = now;
  if (now - reported_at_ < report_interval_s) return;
  reported_at_ = now;
  int path_size = int(options_.path.size());
  const ErrorLog& log = thread_.error_log();
  if (written < 0) {
    log.write_errno(LogLevel::alert, {}, error, "write() to \"%.*s\" failed", path_size,
                    options_.path.data());
  } else {
    log.write(LogLevel::alert, {}, "write() to \"%.*s\" was incomplete: %zd of %zu", path_size,
              options_.path.data(), written, size);
  }
}

}  // namespace sluice
