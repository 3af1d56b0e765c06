#include <string>

#include "http/h1/head_writer.h"
#include "http/h1/response_parser.h"
#include "http/response_rules.h"
#include "http/status.h"
#include "test/check.h"

namespace sluice::h1 {
namespace {

using Result = ResponseScanner::Result;

struct Reading {
  explicit Reading(std::string_view text) : bytes(text) {
    ResponseScanner scanner(4096);
    if (scanner.scan(bytes) == Result::refused) {
      why.error = scanner.error();
    } else {
      complete = true;
      parse_response(std::string_view(bytes).substr(0, scanner.size()), head, why);
    }
  }
  std::string bytes;
  Arena arena;
  http::ResponseHead head{arena};
  ResponseRefusal why;
  bool complete = false;
  std::string_view message() { return why.message(arena); }
};

std::string ok(std::string_view fields) {
  return "HTTP/1.1 200 OK\r\n" + std::string(fields) + "\r\n";
}

TEST("h1 response: a head is taken apart") {
  Reading r("HTTP/1.1 404 Not Here\r\nContent-Length: 5\r\nServer: x\r\n\r\nhello");
  CHECK_EQUAL(r.head.status, 404);
  CHECK_EQUAL(r.head.reason, "Not Here");
  CHECK_EQUAL(r.head.content_length.value_or(0), 5u);
  CHECK_EQUAL(r.head.headers.size(), 2u);
  CHECK(r.head.keep_alive);
}

TEST("h1 response: a head is parsed in front of a body, once it is whole") {
  std::string head = ok("Content-Length: 5\r\nX-Odd_Name: 1\r\nServer: x\r\n");
  std::string text = head + "hello: \r\n\r\n";
  for (size_t size = 0; size <= text.size(); ++size) {
    std::string part = text.substr(0, size);
    part.shrink_to_fit();
    Arena arena;
    http::ResponseHead parsed(arena);
    ResponseRefusal why;
    bool whole = parse_response(part, parsed, why) == ResponseError::none;
    CHECK_EQUAL(whole, size >= head.size());
    if (whole) CHECK_EQUAL(parsed.size, head.size());
  }
}

TEST("h1 response: a head follows its bytes to another place") {
  std::string bytes = ok("Content-Length: 5\r\nServer\r\nX-Empty:\r\nVia: b\r\n");
  Arena arena;
  http::ResponseHead head(arena);
  ResponseRefusal why;
  CHECK(parse_response(bytes, head, why) == ResponseError::none);
  std::string copy = bytes;
  head.moved(bytes.data(), copy.data());
  bytes.assign(bytes.size(), '#');
  CHECK_EQUAL(head.reason, "OK");
  std::string fields;
  for (const http::Header& field : head.headers) {
    fields.append(field.name).append("=").append(field.value).append(";");
  }
  CHECK_EQUAL(fields, "Content-Length=5;Server=;X-Empty=;Via=b;");
}

TEST("h1 response: status lines as lenient as nginx's") {
  struct Case {
    const char* line;
    unsigned status;
    const char* reason;
    bool keep_alive;
  };
  const Case cases[] = {
      {"HTTP/1.1 204", 204, "", true},       {"HTTP/1.1 204 ", 204, "", true},
      {"HTTP/1.0 200 OK", 200, "OK", false}, {"HTTP/1.1 403.1 No", 403, "No", true},
      {"HTTP/2.0 200 OK", 200, "OK", true},  {"HTTP/1.1   200 A B", 200, "A B", true},
  };
  for (const Case& c : cases) {
    Reading r(std::string(c.line) + "\r\n\r\n");
    CHECK_EQUAL(r.message(), "");
    CHECK_EQUAL(r.head.status, c.status);
    CHECK_EQUAL(r.head.reason, c.reason);
    CHECK_EQUAL(r.head.keep_alive, c.keep_alive);
  }
}

TEST("h1 response: without a status line it is told at once") {
  for (const char* text : {"h", "HTTX", "HTTP/1.1 2x0 OK\r\n", "HTTP/1.1\r\n", "HTTP/1.1 20\r\n",
                           "HTTP/1.1 099 A\r\n", "HTTP/0.9 200\r\n", "hello\n\n"}) {
    CHECK(Reading(text).why.error == ResponseError::no_status_line);
  }
}

TEST("h1 response: contradictions about the body are refused with nginx's words") {
  struct Case {
    const char* fields;
    const char* message;
  };
  const Case cases[] = {
      {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
       "upstream sent \"Content-Length\" and \"Transfer-Encoding\" headers at the same time"},
      {"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
       "upstream sent \"Content-Length\" and \"Transfer-Encoding\" headers at the same time"},
      {"Content-Length: 5\r\nContent-Length: 6\r\n",
       "upstream sent duplicate header line: \"Content-Length: 6\", "
       "previous value: \"Content-Length: 5\""},
      {"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
       "upstream sent duplicate header line: \"Transfer-Encoding: chunked\", "
       "previous value: \"Transfer-Encoding: chunked\""},
      {"Content-Length: 5x\r\n",
       "upstream sent invalid \"Content-Length\" header: \"Content-Length: 5x\""},
      {"Transfer-Encoding: gzip\r\n", "upstream sent unknown \"Transfer-Encoding\": \"gzip\""},
      {"X Y: 1\r\n", "upstream sent invalid header: \"X\\x20...\""},
      {"X: 1\r2\r\n", "upstream sent invalid header: \"X: 1\\x0d...\""},
  };
  for (const Case& c : cases) CHECK_EQUAL(Reading(ok(c.fields)).message(), c.message);
}

TEST("h1 response: odd names pass, a stray status line among the fields is skipped") {
  Reading r(ok("X_Y!: 1\r\nHTTP/1.1 200 OK\r\nZ: 2\r\n"));
  CHECK_EQUAL(r.message(), "");
  CHECK_EQUAL(r.head.headers.size(), 2u);
}

TEST("h1 response: a head beyond the limit is too big") {
  std::string text = "HTTP/1.1 200 OK\r\nX: " + std::string(100, 'x');
  ResponseScanner scanner(64);
  CHECK(scanner.scan(std::string_view(text).substr(0, 63)) == Result::incomplete);
  CHECK(scanner.scan(std::string_view(text).substr(0, 64)) == Result::refused);
  CHECK(scanner.error() == ResponseError::too_big);
}

TEST("h1 response: the body's framing follows RFC 9112 section 6.3") {
  using http::Method;
  CHECK(response_framing(Reading(ok("Content-Length: 5\r\n")).head, Method::head) ==
        BodyFraming::none);
  CHECK(response_framing(Reading("HTTP/1.1 304 N\r\nContent-Length: 5\r\n\r\n").head,
                         Method::get) == BodyFraming::none);
  CHECK(response_framing(Reading(ok("Content-Length: 5\r\n")).head, Method::get) ==
        BodyFraming::length);
  CHECK(response_framing(Reading(ok("Transfer-Encoding: chunked\r\n")).head, Method::get) ==
        BodyFraming::chunked);
  CHECK(response_framing(Reading(ok("")).head, Method::get) == BodyFraming::until_close);
}

std::string written(const http::ResponseHead& head, const ResponseExtras& extras) {
  std::string room(response_head_size(head, extras), '\0');
  room.resize(write_response_head(head, extras, room));
  return room;
}

TEST("h1 writer: a response's fields go out in nginx's order") {
  Arena arena;
  http::ResponseHead head(arena);
  head.status = 302;
  head.content_type = "text/html";
  head.charset = "utf-8";
  head.content_length = 138;
  head.last_modified = 0;
  head.headers.add("ETag", "\"x\"");
  head.headers.add("Location", "/a");
  head.headers.add("X", "y");
  ResponseExtras extras{.server = "sluice",
                        .date = "D",
                        .location = "http://a/a",
                        .vary_accept_encoding = true,
                        .keep_alive_timeout = 60};
  CHECK_EQUAL(written(head, extras),
              "HTTP/1.1 302 Moved Temporarily\r\nServer: sluice\r\nDate: D\r\n"
              "Content-Type: text/html; charset=utf-8\r\nContent-Length: 138\r\n"
              "Last-Modified: Thu, 01 Jan 1970 00:00:00 GMT\r\nLocation: http://a/a\r\n"
              "Connection: keep-alive\r\nKeep-Alive: timeout=60\r\nVary: Accept-Encoding\r\n"
              "ETag: \"x\"\r\nX: y\r\n\r\n");
}

TEST("h1 writer: chunked, closing, upgrading and unknown statuses") {
  Arena arena;
  http::ResponseHead head(arena);
  head.status = 299;
  head.chunked = true;
  head.keep_alive = false;
  CHECK_EQUAL(written(head, {}),
              "HTTP/1.1 299 \r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n");
  head.status = 101;
  head.chunked = false;
  CHECK_EQUAL(written(head, {.upgrade = true}),
              "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n\r\n");
}

TEST("h1 writer: a 204 loses type and length, an error page its modification time") {
  Arena arena;
  http::ResponseHead head(arena);
  head.status = 204;
  head.content_type = "text/html";
  head.content_length = 0;
  head.last_modified = 0;
  http::apply_status_rules(head);
  CHECK(head.content_type.empty() && !head.content_length && !head.last_modified);
}

TEST("h1 writer: a request to an upstream") {
  std::string room(request_line_size("GET", "/a?b") + field_size("Host", "x") + 2, '\0');
  HeadWriter writer(room);
  write_request_line(writer, "GET", "/a?b", http::Version::http10);
  writer.field("Host", "x");
  writer.end_line();
  CHECK_EQUAL(writer.size(), room.size());
  CHECK_EQUAL(room, "GET /a?b HTTP/1.0\r\nHost: x\r\n\r\n");
}

TEST("http status: reasons are nginx's") {
  CHECK_EQUAL(http::reason_phrase(302), "Moved Temporarily");
  CHECK_EQUAL(http::reason_phrase(405), "Not Allowed");
  CHECK_EQUAL(http::reason_phrase(408), "Request Time-out");
  CHECK_EQUAL(http::reason_phrase(413), "Request Entity Too Large");
  CHECK_EQUAL(http::reason_phrase(429), "Too Many Requests");
  CHECK_EQUAL(http::reason_phrase(418), "");
}

}  // namespace
}  // namespace sluice::h1
