#include "base/log.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/clock.h"

namespace sluice {
namespace {

constexpr std::string_view level_names[] = {"stderr", "emerg",  "alert", "crit", "error",
                                            "warn",   "notice", "info",  "debug"};

/// What an errno's text may need at the end of a line.
constexpr size_t errno_room = 50;

int thread_id() {
  thread_local int id = ::gettid();
  return id;
}

}  // namespace

void LogLine::append(std::string_view text) {
  size_t taken = std::min(text.size(), max_size - size_);
  std::memcpy(text_ + size_, text.data(), taken);
  size_ += taken;
}

void LogLine::format(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  format_list(format, arguments);
  va_end(arguments);
}

void LogLine::format_list(const char* format, va_list arguments) {
  size_t room = max_size - size_;
  // The terminating 0 falls on the byte kept for the end of the line.
  int wanted = std::vsnprintf(text_ + size_, room, format, arguments);
  if (wanted > 0) size_ += std::min<size_t>(wanted, room ? room - 1 : 0);
}

void LogLine::append_errno(int error) {
  if (size_ > max_size - errno_room) {
    size_ = max_size - errno_room;
    append("...");
  }
  const char* text = ::strerrordesc_np(error);
  format(" (%d: %s)", error, text ? text : "Unknown error");
}

void LogLine::end() {
  size_ = std::min(size_, max_size - 1);
  text_[size_++] = '\n';
}

void ErrorLog::add(Destination destination) {
  level_ = std::max(level_, destination.level);
  destinations_.push_back(std::move(destination));
}

void ErrorLog::add_file(int descriptor, LogLevel level) { add({level, descriptor, nullptr, -1}); }

void ErrorLog::add_syslog(std::shared_ptr<Syslog> syslog, LogLevel level) {
  add({level, -1, std::move(syslog), -1});
}

void ErrorLog::write(LogLevel level, const LogOrigin& origin, const char* format, ...) const {
  va_list arguments;
  va_start(arguments, format);
  write_list(level, origin, 0, format, arguments);
  va_end(arguments);
}

void ErrorLog::write_errno(LogLevel level, const LogOrigin& origin, int error, const char* format,
                           ...) const {
  va_list arguments;
  va_start(arguments, format);
  write_list(level, origin, error, format, arguments);
  va_end(arguments);
}

void ErrorLog::write_list(LogLevel level, const LogOrigin& origin, int error, const char* format,
                          va_list arguments) const {
  if (!takes(level)) return;
  std::string_view name = level_names[static_cast<size_t>(level)];
  LogLine line;
  line.append(Clock::of_thread().error_log_time());
  line.format(" [%s] %d#%d: ", name.data(), ::getpid(), thread_id());
  if (origin.connection) line.format("*%llu ", static_cast<unsigned long long>(origin.connection));
  line.format_list(format, arguments);
  if (error) line.append_errno(error);
  if (origin.append_context && level != LogLevel::debug) origin.append_context(line, origin.object);
  line.end();
  for (const Destination& destination : destinations_) {
    if (level <= destination.level) deliver(destination, level, line.text());
  }
}

void ErrorLog::deliver(const Destination& destination, LogLevel level, std::string_view line) {
  if (destination.syslog) {
    line.remove_suffix(1);
    destination.syslog->send(static_cast<int>(level) - 1, line);
    return;
  }
  // A full disk may take long to refuse a write.
  int64_t now = Clock::of_thread().seconds();
  if (destination.full_at == now) return;
  if (::write(destination.descriptor, line.data(), line.size()) < 0 && errno == ENOSPC) {
    destination.full_at = now;
  }
}

}  // namespace sluice
