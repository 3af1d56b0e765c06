#include <string>
#include <vector>

#include "http/h1/request_parser.h"
#include "test/check.h"

namespace sluice::h1 {
namespace {

using http::RequestError;
using Result = RequestScanner::Result;

/// A request that was read from `bytes`, or why not.
struct Reading {
  explicit Reading(std::string_view bytes, const RequestRules& rules = {}, HeadLimits limits = {})
      : limits_(limits), scanner_(limits_) {
    bytes_ = bytes;
    if (scanner_.scan(bytes_) == Result::refused) {
      why = scanner_.refusal();
      return;
    }
    complete = scanner_.size() > 0;
    if (complete) {
      std::string_view head_bytes = std::string_view(bytes_).substr(0, scanner_.size());
      parse_request(head_bytes, rules, head, arena, why);
    }
  }
  unsigned status() const { return why.error == RequestError::none ? 200 : why.status(); }
  std::string_view message() { return why.message(arena); }

  Arena arena;
  http::RequestHead head{arena};
  http::Refusal why;
  bool complete = false;

 private:
  std::string bytes_;
  HeadLimits limits_;
  RequestScanner scanner_;
};

std::string get(std::string_view fields) {
  return "GET / HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n";
}

TEST("h1 request: a head is taken apart into views of its bytes") {
  Reading r(
      "POST /a/b.html?x=1&y=2 HTTP/1.1\r\nHost: Example.com:8080\r\nContent-Length: "
      "5\r\n\r\nhello");
  CHECK_EQUAL(r.status(), 200u);
  CHECK(r.head.method == http::Method::post && r.head.version == http::Version::http11);
  CHECK_EQUAL(r.head.line, "POST /a/b.html?x=1&y=2 HTTP/1.1");
  CHECK_EQUAL(r.head.uri, "/a/b.html?x=1&y=2");
  CHECK_EQUAL(r.head.path, "/a/b.html");
  CHECK_EQUAL(r.head.query, "x=1&y=2");
  CHECK_EQUAL(r.head.host, "example.com");
  CHECK_EQUAL(r.head.host_port, 8080);
  CHECK_EQUAL(r.head.content_length.value_or(0), 5u);
  CHECK_EQUAL(r.head.headers.size(), 2u);
  CHECK_EQUAL(r.head.size, 78u);
  CHECK(r.head.keep_alive && !r.head.chunked);
}

TEST("h1 request: request lines that are no error") {
  struct Case {
    const char* line;
    const char* path;
    const char* query;
    const char* host;
    http::Version version;
  };
  using enum http::Version;
  const Case cases[] = {
      {"GET /a#b HTTP/1.1", "/a", "", "a", http11},
      {"GET /?a?b#c?d HTTP/1.1", "/", "a?b", "a", http11},
      {"GET   /a    HTTP/1.1  ", "/a", "", "a", http11},
      {"GET http://B:80/x?y HTTP/1.1", "/x", "y", "b", http11},
      {"GET http://b HTTP/1.1", "/", "", "b", http11},
      {"GET http://b?y HTTP/1.1", "/", "y", "b", http11},
      {"GET http://[::1]:8/ HTTP/1.1", "/", "", "[::1]", http11},
      {"M-_X /\xff HTTP/1.9", "/\xff", "", "a", http11},
      {"GET / HTTP/1.0", "/", "", "a", http10},
  };
  for (const Case& c : cases) {
    Reading r(std::string(c.line) + "\r\nHost: a\r\n\r\n");
    CHECK_EQUAL(r.status(), 200u);
    CHECK_EQUAL(r.head.path, c.path);
    CHECK_EQUAL(r.head.query, c.query);
    CHECK_EQUAL(r.head.host, c.host);
    CHECK(r.head.version == c.version);
  }
}

TEST("h1 request: request lines that are refused, with nginx's words") {
  struct Case {
    const char* line;
    unsigned status;
    const char* message;
  };
  const Case cases[] = {
      {"get / HTTP/1.1", 400, "client sent invalid method"},
      {"G\tET / HTTP/1.1", 400, "client sent invalid method"},
      {"\x16\x03\x01", 400, "client sent invalid method"},
      {"GET * HTTP/1.1", 400, "client sent invalid request"},
      {"GET /a b HTTP/1.1", 400, "client sent invalid request"},
      {"GET /\x7f HTTP/1.1", 400, "client sent invalid request"},
      {"GET /\t HTTP/1.1", 400, "client sent invalid request"},
      {"GET / HTTP/1.1 x", 400, "client sent invalid request"},
      {"GET / http/1.1", 400, "client sent invalid request"},
      {"GET / HTTP/01.1", 400, "client sent invalid request"},
      {"GET / HTTP/1.1234", 400, "client sent invalid request"},
      {"GET / HTTP/1.", 400, "client sent invalid request"},
      {"GET /\rHTTP/1.1", 400, "client sent invalid request"},
      {"GET http:/a HTTP/1.1", 400, "client sent invalid request"},
      {"GET http://u@a/ HTTP/1.1", 400, "client sent invalid request"},
      {"GET http:///a HTTP/1.1", 400, "client sent invalid host in request line"},
      {"GET / HTTP/2.0", 505, "client sent invalid version"},
      {"GET / HTTP/11.1", 505, "client sent invalid version"},
      {"POST /", 400, "client sent invalid method in HTTP/0.9 request"},
      {"CONNECT a:443 HTTP/1.1", 405, "client sent CONNECT method"},
      {"TRACE / HTTP/1.1", 405, "client sent TRACE method"},
  };
  for (const Case& c : cases) {
    Reading r(std::string(c.line) + "\r\nHost: a\r\n\r\n");
    CHECK_EQUAL(r.status(), c.status);
    CHECK_EQUAL(r.message(), c.message);
  }
}

TEST("h1 request: what smuggling is made of is refused") {
  struct Case {
    const char* fields;
    unsigned status;
  };
  const Case cases[] = {
      {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", 400},
      {"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", 400},
      {"Content-Length: 5\r\nContent-Length: 6\r\n", 400},
      {"Content-Length: 5\r\nContent-Length: 5\r\n", 400},
      {"Content-Length: 5, 5\r\n", 400},
      {"Content-Length: +5\r\n", 400},
      {"Content-Length: -5\r\n", 400},
      {"Content-Length: 0x5\r\n", 400},
      {"Content-Length: 5 5\r\n", 400},
      {"Content-Length:\r\n", 400},
      {"Content-Length\r\n", 400},
      {"Content-Length: 9223372036854775808\r\n", 400},
      {"Content-Length: 18446744073709551621\r\n", 400},
      {"Content-Length : 5\r\n", 400},
      {"Content-Length\t: 5\r\n", 400},
      {" Content-Length: 5\r\n", 400},
      {"X: a\r\n Content-Length: 5\r\n", 400},
      {"X: a\r\n\tb\r\n", 400},
      {"X: a\rContent-Length: 5\r\n", 400},
      {"X\rY: 5\r\n", 400},
      {": 5\r\n", 400},
      {"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 400},
      {"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", 400},
      {"Transfer-Encoding: gzip, chunked\r\n", 501},
      {"Transfer-Encoding: chunked, chunked\r\n", 501},
      {"Transfer-Encoding: xchunked\r\n", 501},
      {"Transfer-Encoding: chunked;q=1\r\n", 501},
      {"Transfer-Encoding: \vchunked\r\n", 501},
      {"Transfer-Encoding: identity\r\n", 501},
      {"Transfer-Encoding:\r\n", 501},
      {"Transfer-Encoding\r\n", 501},
      {"Transfer-Encoding : chunked\r\n", 400},
      {"Host: a\r\n", 400},
      {"Expect: 100-continue\r\nExpect: 100-continue\r\n", 400},
      {"X: a\r\n\r\r\n", 400},
  };
  for (const Case& c : cases) {
    Reading r(get(c.fields));
    CHECK(r.complete);
    CHECK_EQUAL(std::to_string(r.status()) + " for " + c.fields,
                std::to_string(c.status) + " for " + c.fields);
  }
  CHECK_EQUAL(Reading(get(std::string_view("X: a\0b\r\n", 8))).status(), 400u);
  CHECK_EQUAL(Reading("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n").status(), 400u);
}

TEST("h1 request: framing fields that are no error") {
  CHECK_EQUAL(Reading(get("Content-Length: \t 5\t \r\n")).head.content_length.value_or(0), 5u);
  CHECK_EQUAL(Reading(get("content-length:005\r\n")).head.content_length.value_or(0), 5u);
  CHECK(Reading(get("TRANSFER-encoding: CHUNKED\r\n")).head.chunked);
}

TEST("h1 request: one valid Host is asked for in HTTP/1.1") {
  CHECK_EQUAL(Reading("GET / HTTP/1.1\r\n\r\n").message(),
              "client sent HTTP/1.1 request without \"Host\" header");
  CHECK_EQUAL(Reading("GET http://a/ HTTP/1.1\r\n\r\n").status(), 400u);
  CHECK_EQUAL(Reading("GET / HTTP/1.0\r\n\r\n").status(), 200u);
  for (const char* host : {"", "a/b", "a b", "a..b", "a:80:80", "a:65536", "[::1", "[::1]x", "."}) {
    Reading r("GET / HTTP/1.0\r\nHost: " + std::string(host) + "\r\n\r\n");
    CHECK_EQUAL(r.message(), "client sent invalid host header");
  }
  CHECK_EQUAL(Reading(get("Host: b\r\n")).message(),
              "client sent duplicate host header: \"Host: b\", previous value: \"Host: a\"");
}

TEST("h1 request: a bare line feed ends a line") {
  Reading r("GET / HTTP/1.1\nHost: a\nX: 1 \r\n\n");
  CHECK_EQUAL(r.status(), 200u);
  CHECK_EQUAL(r.head.headers.find("x")->value, "1");
}

TEST("h1 request: HTTP/0.9 is over with its line") {
  Reading r("GET /a\r\n");
  CHECK(r.complete && r.head.version == http::Version::http09);
  CHECK_EQUAL(r.head.size, 8u);
}

TEST("h1 request: Connection decides on keeping the connection, close before keep-alive") {
  CHECK(!Reading(get("Connection: close\r\n")).head.keep_alive);
  CHECK(!Reading(get("Connection: x , Close\r\nConnection: keep-alive\r\n")).head.keep_alive);
  CHECK(Reading(get("Connection: not-close\r\n")).head.keep_alive);
  CHECK(!Reading("GET / HTTP/1.0\r\n\r\n").head.keep_alive);
  CHECK(Reading("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").head.keep_alive);
}

TEST("h1 request: odd names are dropped and told, or kept, as the configuration says") {
  std::string bytes = get("X_Y: 1\r\nX!: 2\r\nok: 3\r\n");
  std::vector<std::string> ignored;
  RequestRules rules;
  rules.context = &ignored;
  rules.on_ignored_line = [](void* context, std::string_view line) {
    static_cast<std::vector<std::string>*>(context)->emplace_back(line);
  };
  CHECK_EQUAL(Reading(bytes, rules).head.headers.size(), 2u);
  CHECK_EQUAL(ignored.size(), 2u);
  CHECK_EQUAL(ignored[0], "X_Y: 1");

  rules.underscores_in_headers = true;
  CHECK_EQUAL(Reading(bytes, rules).head.headers.size(), 3u);
  rules.underscores_in_headers = false;
  rules.ignore_invalid_headers = false;
  CHECK_EQUAL(Reading(bytes, rules).head.headers.size(), 4u);
}

TEST("h1 request: invalid lines are logged up to the byte at fault") {
  CHECK_EQUAL(Reading(get("X Y: 1\r\n")).message(),
              "client sent invalid header line: \"X\\x20...\"");
  CHECK_EQUAL(Reading(get("X: 1\r2\r\n")).message(),
              "client sent invalid header line: \"X: 1\\x0d...\"");
}

TEST("h1 request: max_headers bounds the lines") {
  RequestRules rules;
  rules.max_headers = 3;
  CHECK_EQUAL(Reading(get("X: 1\r\nX: 2\r\n"), rules).status(), 200u);
  Reading r(get("X: 1\r\nX: 2\r\nX: 3\r\n"), rules);
  CHECK_EQUAL(r.status(), 494u);
  CHECK_EQUAL(r.message(), "client sent too many header lines");
}

TEST("h1 request: CONNECT names host and port where it is allowed") {
  RequestRules rules;
  rules.allow_connect = true;
  Reading r("CONNECT b:443 HTTP/1.1\r\nHost: b:443\r\n\r\n", rules);
  CHECK_EQUAL(r.status(), 200u);
  CHECK_EQUAL(r.head.authority, "b:443");
  CHECK_EQUAL(r.head.path, "/");
  CHECK(!r.head.keep_alive);
  CHECK_EQUAL(Reading("CONNECT b HTTP/1.1\r\nHost: b\r\n\r\n", rules).status(), 400u);
  CHECK_EQUAL(
      Reading("CONNECT b:1 HTTP/1.1\r\nHost: b\r\nContent-Length: 1\r\n\r\n", rules).message(),
      "client sent CONNECT request with body");
}

}  // namespace
}  // namespace sluice::h1
