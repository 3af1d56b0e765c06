#pragma once

#include <cstdarg>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/syslog.h"

namespace sluice {

/// https://nginx.org/en/docs/ngx_core_module.html#error_log, in nginx's order: a log takes its
/// level and all before it.
enum class LogLevel : uint8_t { emerg = 1, alert, crit, error, warn, notice, info, debug };

/// One line on its way to the log, of nginx's longest length. What doesn't fit is cut.
class LogLine {
 public:
  static constexpr size_t max_size = 2048;

  void append(std::string_view text);
  [[gnu::format(printf, 2, 3)]] void format(const char* format, ...);
  void format_list(const char* format, va_list arguments);
  std::string_view text() const { return {text_, size_}; }

 private:
  friend class ErrorLog;
  void append_errno(int error);
  void end();

  size_t size_ = 0;
  char text_[max_size];
};

/// What a line is about: the number of the connection (0: none), and who adds `, client: …, server:
/// …` at its end.
struct LogOrigin {
  uint64_t connection = 0;
  void (*append_context)(LogLine& line, const void* object) = nullptr;
  const void* object = nullptr;
};

/// The destinations of one `error_log` context. Lines have nginx's form:
/// `2026/11/22 22:13:01 [error] PID#TID: *7 message (104: Connection reset by peer), client:
/// 127.0.0.1, …`. One write() a line; a line that can't be written is lost.
class ErrorLog {
 public:
  /// The descriptor stays the caller's (an open file, appended to, or standard error).
  void add_file(int descriptor, LogLevel level);
  void add_syslog(std::shared_ptr<Syslog> syslog, LogLevel level);

  /// Whether any destination takes lines of that level; ask before preparing an expensive one.
  bool takes(LogLevel level) const { return level <= level_; }

  [[gnu::format(printf, 4, 5)]] void write(LogLevel level, const LogOrigin& origin,
                                           const char* format, ...) const;
  /// Adds ` (ERRNO: text)` after the message, when `error` isn't 0.
  [[gnu::format(printf, 5, 6)]] void write_errno(LogLevel level, const LogOrigin& origin, int error,
                                                 const char* format, ...) const;
  void write_list(LogLevel level, const LogOrigin& origin, int error, const char* format,
                  va_list arguments) const;

 private:
  struct Destination {
    LogLevel level;
    int descriptor;
    std::shared_ptr<Syslog> syslog;
    mutable int64_t
        full_at;  ///< the second in which the disk was full: nothing is tried again within it
  };

  void add(Destination destination);
  static void deliver(const Destination& destination, LogLevel level, std::string_view line);

  std::vector<Destination> destinations_;
  LogLevel level_ = LogLevel{0};
};

}  // namespace sluice
