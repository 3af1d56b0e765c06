#include "base/clock.h"

#include <algorithm>

#include "base/number.h"

namespace sluice {
namespace {

constexpr std::string_view weekdays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::string_view months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr int64_t day_seconds = 86400;

/// Fills a text of fixed length from left to right.
class Filler {
 public:
  explicit Filler(char* out) : out_(out) {}
  Filler& number(int64_t value, unsigned width) {
    out_ = format_padded(out_, value, width);
    return *this;
  }
  Filler& text(std::string_view text) {
    out_ = std::copy(text.begin(), text.end(), out_);
    return *this;
  }
  Filler& time(int hour, int minute, int second) {
    return number(hour, 2).text(":").number(minute, 2).text(":").number(second, 2);
  }
  /// `+0100`, with `between` after the hours.
  Filler& zone(long seconds_east, std::string_view between) {
    long minutes = std::abs(seconds_east) / 60;
    return text(seconds_east < 0 ? "-" : "+")
        .number(minutes / 60, 2)
        .text(between)
        .number(minutes % 60, 2);
  }

 private:
  char* out_;
};

struct CivilDate {
  int64_t year;
  unsigned month;  ///< 1 to 12
  unsigned day;
};

// Days and dates of the proleptic Gregorian calendar, counted in eras of 400 years that begin on 1
// March.
constexpr int64_t days_to_1970 = 719468;

CivilDate date_of_day(int64_t days) {
  days += days_to_1970;
  int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  unsigned day_of_era = days - era * 146097;
  unsigned year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  unsigned shifted = (5 * day_of_year + 2) / 153;  // months since March
  unsigned month = shifted < 10 ? shifted + 3 : shifted - 9;
  return {year_of_era + era * 400 + (month <= 2), month, day_of_year - (153 * shifted + 2) / 5 + 1};
}

int64_t day_of_date(CivilDate date) {
  int64_t year = date.year - (date.month <= 2);
  int64_t era = (year >= 0 ? year : year - 399) / 400;
  unsigned year_of_era = year - era * 400;
  unsigned day_of_year =
      (153 * (date.month > 2 ? date.month - 3 : date.month + 9) + 2) / 5 + date.day - 1;
  unsigned day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146097 + day_of_era - days_to_1970;
}

unsigned days_in_month(int64_t year, unsigned month) {
  if (month == 2) return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28;
  return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

/// Takes fields off the front of a date; after a mismatch nothing more is taken.
class DateReader {
 public:
  explicit DateReader(std::string_view text) : rest_(text) {}

  bool ok() const { return ok_; }
  bool at(char c) const { return !rest_.empty() && rest_.front() == c; }
  void expect(std::string_view text) {
    ok_ = ok_ && rest_.starts_with(text);
    if (ok_) rest_.remove_prefix(text.size());
  }
  unsigned number(size_t digits) {
    ok_ = ok_ && rest_.size() >= digits;
    unsigned value = 0;
    for (size_t i = 0; ok_ && i < digits; ++i) {
      ok_ = rest_[i] >= '0' && rest_[i] <= '9';
      value = value * 10 + (rest_[i] - '0');
    }
    if (ok_) rest_.remove_prefix(digits);
    return value;
  }
  unsigned month() {
    for (unsigned i = 0; i < 12; ++i) {
      if (rest_.substr(0, 3) == months[i]) {
        rest_.remove_prefix(3);
        return i + 1;
      }
    }
    ok_ = false;
    return 0;
  }
  void time(unsigned& hour, unsigned& minute, unsigned& second) {
    hour = number(2);
    expect(":");
    minute = number(2);
    expect(":");
    second = number(2);
  }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace

constinit thread_local Clock Clock::of_thread_;

void Clock::update() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  monotonic_us_ = static_cast<uint64_t>(time.tv_sec) * 1000000 + time.tv_nsec / 1000;
  monotonic_ms_ = monotonic_us_ / 1000;
  clock_gettime(CLOCK_REALTIME, &time);
  seconds_ = time.tv_sec;
  milliseconds_ = time.tv_nsec / 1000000;
}

const tm& Clock::local_time() {
  if (local_second_ != seconds_) {
    time_t seconds = seconds_;
    localtime_r(&seconds, &local_);
    local_second_ = seconds_;
  }
  return local_;
}

template <typename Text, typename Fill>
std::string_view Clock::cached(Text& cache, Fill fill) {
  if (cache.second != seconds_) {
    fill(Filler(cache.text));
    cache.second = seconds_;
  }
  return {cache.text, sizeof(cache.text)};
}

std::string_view Clock::error_log_time() {
  return cached(error_log_, [this](Filler out) {
    const tm& t = local_time();
    out.number(t.tm_year + 1900, 4).text("/").number(t.tm_mon + 1, 2).text("/");
    out.number(t.tm_mday, 2).text(" ").time(t.tm_hour, t.tm_min, t.tm_sec);
  });
}

std::string_view Clock::access_log_time() {
  return cached(access_log_, [this](Filler out) {
    const tm& t = local_time();
    out.number(t.tm_mday, 2).text("/").text(months[t.tm_mon]).text("/");
    out.number(t.tm_year + 1900, 4).text(":").time(t.tm_hour, t.tm_min, t.tm_sec);
    out.text(" ").zone(t.tm_gmtoff, "");
  });
}

std::string_view Clock::iso8601_time() {
  return cached(iso8601_, [this](Filler out) {
    const tm& t = local_time();
    out.number(t.tm_year + 1900, 4).text("-").number(t.tm_mon + 1, 2).text("-");
    out.number(t.tm_mday, 2).text("T").time(t.tm_hour, t.tm_min, t.tm_sec);
    out.zone(t.tm_gmtoff, ":");
  });
}

std::string_view Clock::syslog_time() {
  return cached(syslog_, [this](Filler out) {
    const tm& t = local_time();
    out.text(months[t.tm_mon]).text(t.tm_mday < 10 ? "  " : " ").number(t.tm_mday, 1);
    out.text(" ").time(t.tm_hour, t.tm_min, t.tm_sec);
  });
}

std::string_view Clock::http_date() {
  return cached(http_date_,
                [this](Filler) { format_http_date(seconds_, std::span(http_date_.text)); });
}

void format_http_date(int64_t seconds, std::span<char, http_date_size> out) {
  constexpr int64_t last = 253402300799;  // the end of the year 9999
  seconds = std::clamp<int64_t>(seconds, 0, last);
  int64_t days = seconds / day_seconds;
  int second = seconds % day_seconds;
  CivilDate date = date_of_day(days);
  Filler(out.data())
      .text(weekdays[(days + 4) % 7])
      .text(", ")
      .number(date.day, 2)
      .text(" ")
      .text(months[date.month - 1])
      .text(" ")
      .number(date.year, 4)
      .text(" ")
      .time(second / 3600, second / 60 % 60, second % 60)
      .text(" GMT");
}

std::optional<int64_t> parse_http_date(std::string_view text) {
  size_t name_end = 0;  // of the weekday
  while (name_end < text.size() && text[name_end] != ',' && text[name_end] != ' ') ++name_end;
  if (name_end == text.size()) return {};
  bool asctime = text[name_end] == ' ';
  size_t begin = name_end + 1;
  while (begin < text.size() && text[begin] == ' ') ++begin;

  DateReader reader(text.substr(begin));
  CivilDate date{};
  unsigned hour = 0, minute = 0, second = 0;
  if (asctime) {  // Sun Nov  6 08:49:37 1994
    date.month = reader.month();
    reader.expect(" ");
    if (reader.at(' ')) {
      reader.expect(" ");
      date.day = reader.number(1);
    } else {
      date.day = reader.number(2);
    }
    reader.expect(" ");
    reader.time(hour, minute, second);
    reader.expect(" ");
    date.year = reader.number(4);
  } else {  // Sun, 06 Nov 1994 08:49:37 GMT, or Sunday, 06-Nov-94 08:49:37 GMT
    date.day = reader.number(2);
    bool two_digits = reader.at('-');
    std::string_view separator = two_digits ? "-" : " ";
    reader.expect(separator);
    date.month = reader.month();
    reader.expect(separator);
    date.year = reader.number(two_digits ? 2 : 4);
    if (two_digits) date.year += date.year < 70 ? 2000 : 1900;
    reader.expect(" ");
    reader.time(hour, minute, second);
  }
  if (!reader.ok() || hour > 23 || minute > 59 || second > 59) return {};
  if (date.day < 1 || date.day > days_in_month(date.year, date.month)) return {};
  return day_of_date(date) * day_seconds + hour * 3600 + minute * 60 + second;
}

}  // namespace sluice
