#pragma once

#include <cstdint>
#include <ctime>
#include <optional>
#include <span>
#include <string_view>

namespace sluice {

/// This thread's idea of the time: read once a turn, so that all that happens in a turn happens at
/// one time. Texts are made when first asked for within a second.
class Clock {
 public:
  static Clock& of_thread() {
    if (of_thread_.seconds_ == 0) [[unlikely]]
      of_thread_.update();
    return of_thread_;
  }

  /// Reads the system's clocks.
  void update();

  uint64_t monotonic_ms() const { return monotonic_ms_; }
  uint64_t monotonic_us() const { return monotonic_us_; }
  /// Seconds since 1970, and the milliseconds within that second.
  int64_t seconds() const { return seconds_; }
  uint32_t milliseconds() const { return milliseconds_; }

  /// `2026/11/22 22:13:01`, local time.
  std::string_view error_log_time();
  /// `22/Nov/2026:22:13:01 +0000`, local time ($time_local).
  std::string_view access_log_time();
  /// `2026-11-22T22:13:01+00:00`, local time ($time_iso8601).
  std::string_view iso8601_time();
  /// `Nov 22 22:13:01`, local time, as RFC 3164 wants it.
  std::string_view syslog_time();
  /// `Sun, 22 Nov 2026 22:13:01 GMT` (RFC 9110, 5.6.7).
  std::string_view http_date();

 private:
  constexpr Clock() = default;
  template <size_t size>
  struct Cached {
    int64_t second = -1;
    char text[size] = {};
  };
  template <typename Text, typename Fill>
  std::string_view cached(Text& cache, Fill fill);
  const tm& local_time();

  static constinit thread_local Clock of_thread_;

  uint64_t monotonic_us_ = 0;
  uint64_t monotonic_ms_ = 0;
  int64_t seconds_ = 0;
  uint32_t milliseconds_ = 0;
  int64_t local_second_ = -1;
  tm local_ = {};
  Cached<19> error_log_;
  Cached<26> access_log_;
  Cached<25> iso8601_;
  Cached<15> syslog_;
  Cached<29> http_date_;
};

constexpr size_t http_date_size = 29;
/// Writes `Sun, 22 Nov 2026 22:13:01 GMT` for a time since 1970 (years up to 9999).
void format_http_date(int64_t seconds, std::span<char, http_date_size> out);
/// Reads the three formats of RFC 9110, 5.6.7: IMF-fixdate, RFC 850, asctime.
std::optional<int64_t> parse_http_date(std::string_view text);

}  // namespace sluice
