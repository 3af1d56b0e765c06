#include "base/encode.h"

#include <string>

#include "base/number.h"
#include "base/string_map.h"
#include "test/check.h"

namespace sluice {
namespace {

TEST("encode: each kind escapes its characters") {
  Arena arena;
  std::string_view text = "/a b?c#d%e&f+g;h\"i'j\x7f\xc3~}";
  CHECK_EQUAL(escape(Escape::uri, text, arena), "/a%20b%3Fc%23d%25e&f+g;h%22i'j%7F%C3~%7D");
  CHECK_EQUAL(escape(Escape::args, text, arena), "/a%20b%3Fc%23d%25e%26f%2Bg%3Bh%22i'j%7F%C3~%7D");
  CHECK_EQUAL(escape(Escape::html, text, arena), "/a%20b?c%23d%25e&f+g;h%22i%27j%7F%C3~%7D");
  CHECK_EQUAL(escape(Escape::refresh, text, arena), "/a%20b?c#d%e&f+g;h%22i%27j%7F%C3%7E}");
  CHECK_EQUAL(escape(Escape::uri_component, "a-b._~/:", arena), "a-b._~%2F%3A");
}

TEST("encode: text without need of escaping isn't copied") {
  Arena arena;
  std::string_view text = "/plain";
  CHECK(escape(Escape::uri, text, arena).data() == text.data());
  CHECK(unescape(text, arena).data() == text.data());
  CHECK(escape_html(text, arena).data() == text.data());
}

TEST("encode: malformed percent sequences are decoded as nginx does") {
  Arena arena;
  CHECK_EQUAL(unescape("a%41b%2fc", arena), "aAb/c");
  CHECK_EQUAL(unescape("%zz", arena), "zz");
  CHECK_EQUAL(unescape("%4zx", arena), "x");
  CHECK_EQUAL(unescape("%%41", arena), "%41");
  CHECK_EQUAL(unescape("a%4", arena), "a");
  CHECK_EQUAL(unescape("a%", arena), "a");
}

TEST("encode: a URI is decoded up to its question mark") {
  std::string_view text = "/%41%3Fb%43";
  char out[32];
  char* end = unescape(Unescape::uri, text, out);
  CHECK_EQUAL(std::string_view(out, end - out), "/A?");
  CHECK_EQUAL(text, "b%43");
  text = "/%20%41%7e%c3?%41";
  end = unescape(Unescape::redirect, text, out);
  CHECK_EQUAL(std::string_view(out, end - out), "/%20A~%c3?");
  CHECK_EQUAL(text, "%41");
}

TEST("encode: HTML's special characters become references") {
  Arena arena;
  CHECK_EQUAL(escape_html("<a b=\"c&d\">", arena), "&lt;a b=&quot;c&amp;d&quot;&gt;");
}

TEST("encode: base64 agrees with RFC 4648's examples") {
  Arena arena;
  std::pair<const char*, const char*> examples[] = {{"", ""},
                                                    {"f", "Zg=="},
                                                    {"fo", "Zm8="},
                                                    {"foo", "Zm9v"},
                                                    {"foob", "Zm9vYg=="},
                                                    {"fooba", "Zm9vYmE="},
                                                    {"foobar", "Zm9vYmFy"}};
  for (auto [plain, encoded] : examples) {
    std::string out(base64_size(std::string_view(plain).size()), '\0');
    encode_base64(plain, out.data());
    CHECK_EQUAL(out, encoded);
    CHECK_EQUAL(decode_base64(encoded, arena).value_or("?"), plain);
  }
  CHECK(!decode_base64("Zm9v!", arena));
  CHECK(!decode_base64("Z", arena));
  CHECK(!decode_base64("-_-_", arena));
  CHECK_EQUAL(decode_base64url("-_-_", arena).value_or("?"), "\xfb\xff\xbf");
}

TEST("number: overflow, signs and rubbish are refused") {
  CHECK_EQUAL(parse_decimal("18446744073709551615").value_or(0), UINT64_MAX);
  for (const char* text : {"", "18446744073709551616", "-1", "+1", " 1", "1 ", "0x1"}) {
    CHECK(!parse_decimal(text));
  }
  CHECK_EQUAL(parse_hex("fF").value_or(0), 255u);
  CHECK(!parse_hex("10000000000000000"));
  CHECK_EQUAL(parse_size("10k").value_or(0), 10240u);
  CHECK_EQUAL(parse_size("1G").value_or(0), 1u << 30);
  CHECK(!parse_size("k"));
  CHECK(!parse_size("18446744073709551615k"));
}

TEST("number: formatting") {
  char out[32];
  CHECK_EQUAL(std::string_view(out, format_decimal(out, UINT64_MAX) - out), "18446744073709551615");
  CHECK_EQUAL(std::string_view(out, format_hex(out, 0x1a2b) - out), "1a2b");
  CHECK_EQUAL(std::string_view(out, format_padded(out, 7, 3) - out), "007");
  CHECK_EQUAL(decimal_size(0), 1u);
  CHECK_EQUAL(decimal_size(1000), 4u);
}

TEST("string map: finds what was put in, and nothing else") {
  std::string keys[1000];
  StringMap<std::string> map;
  for (int i = 0; i < 1000; ++i) {
    keys[i] = "key" + std::to_string(i);
    CHECK(map.insert(keys[i], &keys[i]));
  }
  CHECK(!map.insert("key7", &keys[0]));
  int wrong = 0;
  for (auto& key : keys) wrong += map.find(key) != &key;
  CHECK_EQUAL(wrong, 0);
  CHECK(map.find("key1000") == nullptr);
  CHECK(map.find("KEY1") == nullptr);
  CHECK(StringMap<int>().find("x") == nullptr);
}

TEST("string map: the caseless kind ignores the case of ASCII letters only") {
  int one = 1;
  CaselessStringMap<int> map(4);
  map.insert("Content-Type", &one);
  CHECK(map.find("content-type") == &one);
  CHECK(map.find("CONTENT-TYPE") == &one);
  CHECK(map.find("content\rtype") == nullptr);
}

}  // namespace
}  // namespace sluice
