#include <string>

#include "http/h1/request_parser.h"
#include "test/check.h"

namespace sluice::h1 {
namespace {

using http::RequestError;
using Result = RequestScanner::Result;

constexpr HeadLimits small{.first = 64, .large_count = 2, .large_size = 128};

/// Scans `bytes`, `step` more each time.
Result scan(RequestScanner& scanner, std::string_view bytes, size_t step) {
  Result result = Result::incomplete;
  for (size_t size = step; result == Result::incomplete; size += step) {
    result = scanner.scan(bytes.substr(0, size));
    if (size >= bytes.size()) break;
  }
  return result;
}

RequestError refusal(std::string_view bytes, size_t step, const HeadLimits& limits) {
  RequestScanner scanner(limits);
  scan(scanner, bytes, step);
  return scanner.refusal().error;
}

std::string line(size_t size) { return "X: " + std::string(size - 5, 'x') + "\r\n"; }

TEST("h1 scanner: a head is complete with its empty line, however it is cut") {
  std::string head = "GET /a HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\n";
  for (size_t step = 1; step <= head.size() + 4; ++step) {
    RequestScanner scanner(small);
    CHECK(scan(scanner, head + "body", step) == Result::complete);
    CHECK_EQUAL(scanner.size(), head.size());
  }
  for (size_t size = 0; size < head.size(); ++size) {
    RequestScanner scanner(small);
    CHECK(scanner.scan(std::string_view(head).substr(0, size)) == Result::incomplete);
  }
}

TEST("h1 scanner: what can't become a request is refused before it ends") {
  CHECK(refusal("\x16", 1, small) == RequestError::invalid_method);
  CHECK(refusal("G(", 1, small) == RequestError::invalid_method);
  CHECK(refusal("GET / HTTP/3.0\r\n", 1, small) == RequestError::invalid_version);
  CHECK(refusal("GET x\r\n", 1, small) == RequestError::invalid_request);
}

TEST("h1 scanner: lines and heads are bounded as by nginx's buffers") {
  const std::string start = "GET / HTTP/1.1\r\n";  // 16 bytes
  struct Case {
    std::string bytes;
    RequestError error;
  };
  using enum RequestError;
  const Case cases[] = {
      {"GET /" + std::string(112, 'a') + " HTTP/1.1\r\n\r\n", none},  // 128: fills a buffer
      {"GET /" + std::string(113, 'a') + " HTTP/1.1\r\n\r\n", uri_too_long},
      {start + line(48) + "\r\n", none},
      {start + line(128) + "\r\n", none},
      {start + line(129) + "\r\n", header_line_too_long},
      {start + line(40) + line(128) + line(128), none},
      {start + line(40) + line(128) + line(127) + "\r\n", header_line_too_long},
      {start + line(40) + line(128) + line(100) + "\r\n", none},
      {start + line(40) + line(70) + line(70) + line(70), header_line_too_long},
  };
  for (const Case& c : cases) {
    for (size_t step : {size_t{1}, size_t{7}, c.bytes.size()}) {
      CHECK_EQUAL(refusal(c.bytes, step, small), c.error);
    }
  }
}

TEST("h1 scanner: refusals for size have nginx's status and words") {
  Arena arena;
  RequestScanner uri(small);
  std::string bytes = "GET /" + std::string(300, 'a');
  CHECK(uri.scan(bytes) == Result::refused);
  CHECK_EQUAL(uri.refusal().status(), 414);
  CHECK_EQUAL(uri.refusal().message(arena), "client sent too long URI");

  RequestScanner field(small);
  bytes = "GET / HTTP/1.1\r\n" + line(300);
  CHECK(field.scan(bytes) == Result::refused);
  CHECK_EQUAL(field.refusal().status(), 494);
  std::string_view message = field.refusal().message(arena);
  CHECK(message.starts_with("client sent too long header line: \"X: xxx"));
  CHECK(message.ends_with("xxx...\""));
}

TEST("h1 scanner: ten thousand lines byte by byte take time in proportion") {
  HeadLimits limits{.first = 1024, .large_count = 100, .large_size = 8192};
  std::string bytes = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (int i = 0; i < 10000; ++i) bytes += "X-Header: value\r\n";
  bytes += "\r\n";
  RequestScanner scanner(limits);
  // 170,000 calls; one that looked at all bytes each time would read 14 GB.
  CHECK(scan(scanner, bytes, 1) == Result::complete);
  CHECK_EQUAL(scanner.size(), bytes.size());
}

TEST("h1 scanner: empty lines before a request are counted") {
  CHECK_EQUAL(leading_blank("\r\n\n\rGET"), 4u);
  CHECK_EQUAL(leading_blank("GET"), 0u);
}

}  // namespace
}  // namespace sluice::h1
