#include <string>

#include "http/host.h"
#include "http/message.h"
#include "http/uri.h"
#include "test/check.h"

namespace sluice::http {
namespace {

TEST("http message: fields are known by name in any case, and by nothing else") {
  CHECK(header_id("Host") == HeaderId::host);
  CHECK(header_id("TRANSFER-ENCODING") == HeaderId::transfer_encoding);
  CHECK(header_id("te") == HeaderId::te);
  CHECK(header_id("Via") == HeaderId::via);
  CHECK(header_id("x-Accel-Limit-Rate") == HeaderId::x_accel_limit_rate);
  CHECK(header_id("content-type") == HeaderId::content_type);
  for (const char* name : {"", "h", "hosu", "content\rlength", "content_length", "Content-Lengtg",
                           "Content-Length:", "transfer-encodinG ", "\x48os\x54", "ho\x13t"}) {
    bool host = std::string_view(name) == "\x48os\x54";
    CHECK(header_id(name) == (host ? HeaderId::host : HeaderId::other));
  }
}

TEST("http message: setting a field replaces the first and drops the rest") {
  Arena arena;
  HeaderList list(arena);
  for (int i = 0; i < 20; ++i) list.add("X", "x");
  list.add("Server", "a");
  list.add("server", "b");
  list.set(HeaderId::server, "Server", "c");
  CHECK_EQUAL(list.size(), 21u);
  CHECK_EQUAL(list.find(HeaderId::server)->value, "c");
  list.remove("x");
  CHECK_EQUAL(list.size(), 1u);
  list.set(HeaderId::other, "Y", "1");
  list.set(HeaderId::other, "Z", "2");
  list.set(HeaderId::other, "y", "3");
  CHECK_EQUAL(list.find("Y")->value, "3");
  CHECK_EQUAL(list.size(), 3u);
}

TEST("http host: names are lowered, ports and final dots cut") {
  struct Case {
    const char* text;
    const char* name;
    unsigned port;
  };
  const Case cases[] = {
      {"a", "a", 0},
      {"A-b.C.:80", "a-b.c", 80},
      {"a:", "a", 0},
      {"[::1]:65535", "[::1]", 65535},
      {"[Fe80::1]", "[fe80::1]", 0},
      {"a_b~!$&'()*+,;=%41", "a_b~!$&'()*+,;=%41", 0},
  };
  Arena arena;
  for (const Case& c : cases) {
    std::optional<Host> host = parse_host(c.text, arena);
    CHECK(host);
    if (!host) continue;
    CHECK_EQUAL(host->name, c.name);
    CHECK_EQUAL(host->port, c.port);
  }
}

TEST("response: when it was modified is what its handler knows, else what its field says") {
  Arena arena;
  ResponseHead head(arena);
  CHECK(!head.modified());
  head.headers.add("Last-Modified", "Thu, 01 Jan 1970 00:01:00 GMT");
  CHECK_EQUAL(head.modified().value_or(0), 60);
  head.last_modified = 5;
  CHECK_EQUAL(head.modified().value_or(0), 5);
  head.clear();
  head.headers.add("Last-Modified", "yesterday");
  CHECK(!head.modified());
}

TEST("uri: paths get nginx's normal form") {
  struct Case {
    const char* path;
    const char* normal;
    const char* extension;
  };
  const Case cases[] = {
      {"/", "/", ""},
      {"/a/b.html", "/a/b.html", "html"},
      {"/a.b/c", "/a.b/c", ""},
      {"/a.tar.gz", "/a.tar.gz", "gz"},
      {"/.hidden", "/.hidden", ""},
      {"//a///b", "/a/b", ""},
      {"/a/./b/../c", "/a/c", ""},
      {"/a/..", "/", ""},
      {"/a/.", "/a/", ""},
      {"/a/b/../../c.d", "/c.d", "d"},
      {"/%61%2fb%2Ehtml", "/a/b.html", "html"},
      {"/a/%2e%2E/b", "/b", ""},
      {"/%25%32%35%3f%23", "/%25?#", ""},
      {"/...", "/...", ""},
      {"/a..", "/a..", ""},
      {"/a%2Bb+c", "/a+b+c", ""},
  };
  Arena arena;
  for (const Case& c : cases) {
    std::optional<NormalPath> normal = normalize_path(c.path, true, arena);
    CHECK(normal);
    if (!normal) continue;
    CHECK_EQUAL(normal->path, c.normal);
    CHECK_EQUAL(normal->extension, c.extension);
  }
}

TEST("uri: slashes stay where they are not merged") {
  Arena arena;
  CHECK_EQUAL(normalize_path("//a///b", false, arena)->path, "//a///b");
  CHECK_EQUAL(normalize_path("/a//../b", false, arena)->path, "/a/b");
}

TEST("uri: what leaves the root or can't be decoded is refused") {
  Arena arena;
  for (const char* path : {"/..", "/../a", "/a/../..", "/%2e%2e", "/%00", "/%", "/%4", "/%4g",
                           "/a/%g1", "/a/..%2f.."}) {
    CHECK(!normalize_path(path, true, arena));
  }
}

TEST("uri: a path in normal form is not copied") {
  Arena arena;
  std::string_view path = "/a/b.c+d";
  std::optional<NormalPath> normal = normalize_path(path, true, arena);
  CHECK(normal->path.data() == path.data());
  CHECK(normal->has_plus && !normal->quoted);
}

TEST("uri: a target is split at the first question mark, and cut at the hash") {
  CHECK_EQUAL(split_uri("/a?b?c#d").query, "b?c");
  CHECK_EQUAL(split_uri("/a#b?c").path, "/a");
  CHECK(!split_uri("/a#b?c").has_query);
  CHECK(split_uri("/a?").has_query);
}

}  // namespace
}  // namespace sluice::http
