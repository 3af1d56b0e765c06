#include "modules/expires_time.h"

#include <ctime>

namespace sluice {

namespace {

using Expires = HeadersConf::Expires;

struct Unit {
  char letter;
  int64_t seconds;
};
constexpr Unit units[] = {{'y', 365 * 86400}, {'M', 30 * 86400}, {'w', 7 * 86400}, {'d', 86400},
                          {'h', 3600},        {'m', 60},         {'s', 1},         {' ', 1}};

}  // namespace

Expires::Kind expires_kind(std::string_view name) {
  using Kind = Expires::Kind;
  if (name == "epoch") return Kind::epoch;
  if (name == "max") return Kind::max;
  if (name == "access") return Kind::access;
  if (name == "modified") return Kind::modified;
  if (name == "daily") return Kind::daily;
  return Kind::off;
}

std::optional<int64_t> parse_seconds(std::string_view text) {
  int64_t total = 0;
  int64_t value = 0;
  bool digits = false;
  const Unit* unit = std::begin(units);
  for (size_t at = 0; at < text.size();) {
    char c = text[at++];
    if (c >= '0' && c <= '9') {
      if (__builtin_mul_overflow(value, 10, &value)) return std::nullopt;
      if (__builtin_add_overflow(value, c - '0', &value)) return std::nullopt;
      digits = true;
      continue;
    }
    // Each unit is smaller than the one before it.
    while (unit != std::end(units) && unit->letter != c) ++unit;
    if (unit == std::end(units)) return std::nullopt;
    if (__builtin_mul_overflow(value, unit->seconds, &value)) return std::nullopt;
    if (__builtin_add_overflow(total, value, &total)) return std::nullopt;
    value = 0;
    ++unit;
    while (at < text.size() && text[at] == ' ') ++at;
  }
  if (!digits || __builtin_add_overflow(total, value, &total)) return std::nullopt;
  return total;
}

std::optional<Expires> parse_expires(std::string_view text, Expires::Kind kind) {
  bool modified = kind == Expires::Kind::modified;
  if (!modified && (text == "epoch" || text == "max" || text == "off")) {
    return Expires{expires_kind(text)};
  }
  char sign = text.empty() ? '\0' : text.front();
  if (sign == '@' || sign == '+' || sign == '-') text.remove_prefix(1);
  if (sign == '@') {
    if (modified) return std::nullopt;
    kind = Expires::Kind::daily;
  }
  std::optional<int64_t> seconds = parse_seconds(text);
  if (!seconds || (sign == '@' && *seconds > 24 * 3600)) return std::nullopt;
  return Expires{kind, sign == '-' ? -*seconds : *seconds};
}

int64_t next_local_time(int64_t since_midnight, int64_t now) {
  time_t clock = now;
  tm local;
  localtime_r(&clock, &local);
  local.tm_hour = int(since_midnight / 3600);
  local.tm_min = int(since_midnight / 60 % 60);
  local.tm_sec = int(since_midnight % 60);
  time_t next = mktime(&local);
  if (next > now) return next;
  local.tm_mday++;  // mktime() knows the lengths of months
  return mktime(&local);
}

}  // namespace sluice
