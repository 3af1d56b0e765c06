#include "base/clock.h"

#include <string>

#include "test/check.h"

namespace sluice {
namespace {

std::string http_date(int64_t seconds) {
  char text[http_date_size];
  format_http_date(seconds, std::span<char, http_date_size>(text));
  return std::string(text, sizeof(text));
}

TEST("clock: an HTTP date is written as RFC 9110 has it") {
  CHECK_EQUAL(http_date(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
  CHECK_EQUAL(http_date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
  CHECK_EQUAL(http_date(951782400), "Tue, 29 Feb 2000 00:00:00 GMT");
  CHECK_EQUAL(http_date(4102444799), "Thu, 31 Dec 2099 23:59:59 GMT");
}

TEST("clock: what is written is read again, over 300 years") {
  int wrong = 0;
  for (int64_t t = 0; t < 9467280000; t += 86400 * 13 + 12345)
    wrong += parse_http_date(http_date(t)) != t;
  CHECK_EQUAL(wrong, 0);
}

TEST("clock: all three date formats are read") {
  CHECK_EQUAL(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").value_or(0), 784111777);
  CHECK_EQUAL(parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT").value_or(0), 784111777);
  CHECK_EQUAL(parse_http_date("Sun Nov  6 08:49:37 1994").value_or(0), 784111777);
  CHECK_EQUAL(parse_http_date("Wed Nov 16 08:49:37 1994").value_or(0), 784975777);
}

TEST("clock: what is no date is refused") {
  for (const char* text :
       {"", " ", ",", "Sun", "Sun, 06 Nov 1994 08:49", "Sun, 31 Feb 1994 08:49:37 GMT",
        "Sun, 29 Feb 1900 08:49:37 GMT", "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Noo 1994 08:49:37 GMT", "Sun, 06-Nov 94 08:49:37 GMT",
        "Sun, 0x Nov 1994 08:49:37 GMT", "Sun Nov  6 08:49:37", "Sun, 00 Nov 1994 08:49:37 GMT"}) {
    if (parse_http_date(text)) test::fail(__FILE__, __LINE__, text);
  }
}

TEST("clock: log times have their lengths and agree with the system") {
  Clock& clock = Clock::of_thread();
  clock.update();
  time_t now = clock.seconds();
  char wanted[64];
  size_t size = strftime(wanted, sizeof(wanted), "%Y/%m/%d %H:%M:%S", localtime(&now));
  CHECK_EQUAL(clock.error_log_time(), std::string_view(wanted, size));
  size = strftime(wanted, sizeof(wanted), "%d/%b/%Y:%H:%M:%S %z", localtime(&now));
  CHECK_EQUAL(clock.access_log_time(), std::string_view(wanted, size));
  size = strftime(wanted, sizeof(wanted), "%b %e %H:%M:%S", localtime(&now));
  CHECK_EQUAL(clock.syslog_time(), std::string_view(wanted, size));
  size = strftime(wanted, sizeof(wanted), "%Y-%m-%dT%H:%M:%S", localtime(&now));
  CHECK_EQUAL(clock.iso8601_time().substr(0, 19), std::string_view(wanted, size));
  CHECK_EQUAL(clock.http_date(), http_date(now));
}

}  // namespace
}  // namespace sluice
