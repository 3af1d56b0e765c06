#include "net/address.h"

#include <cstddef>
#include <cstring>

#include "test/check.h"

namespace sluice::net {
namespace {

std::string shown(std::string_view text, bool with_port = true) {
  auto address = Address::parse(text, 80);
  return address ? address->text(with_port) : "refused";
}

TEST("address: is read and printed as nginx does") {
  CHECK_EQUAL(shown("127.0.0.1:8080"), "127.0.0.1:8080");
  CHECK_EQUAL(shown("127.0.0.1"), "127.0.0.1:80");
  CHECK_EQUAL(shown("127.0.0.1:8080", false), "127.0.0.1");
  CHECK_EQUAL(shown("[::1]:8080"), "[::1]:8080");
  CHECK_EQUAL(shown("[::1]", false), "::1");
  CHECK_EQUAL(shown("unix:/run/app.sock"), "unix:/run/app.sock");
  CHECK_EQUAL(shown("unix:/run/app.sock", false), "unix:/run/app.sock");
}

TEST("address: IPv6 is shortened at its longest run of zeros") {
  CHECK_EQUAL(shown("[::]", false), "::");
  CHECK_EQUAL(shown("[1:0:0:2:0:0:0:3]", false), "1:0:0:2::3");
  CHECK_EQUAL(shown("[1:0:2:0:3:0:4:0]", false), "1:0:2:0:3:0:4:0");
  CHECK_EQUAL(shown("[2001:DB8::]", false), "2001:db8::");
  CHECK_EQUAL(shown("[2001:db8::1:0:0:1]", false), "2001:db8::1:0:0:1");
  CHECK_EQUAL(shown("[::ffff:1.2.3.4]", false), "::ffff:1.2.3.4");
  CHECK_EQUAL(shown("[::1.2.3.4]", false), "::1.2.3.4");
  CHECK_EQUAL(shown("[fe80::1234:5678:9abc:def0]", false), "fe80::1234:5678:9abc:def0");
}

TEST("address: what is none is refused") {
  for (const char* text :
       {"", "localhost", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:x", "1.2.3",
        "[::1", "[::1]x", "[::1]80", "::1", "unix:", "256.0.0.1"}) {
    CHECK_EQUAL(shown(text) + " " + text, std::string("refused ") + text);
  }
  CHECK(!Address::parse("unix:/" + std::string(200, 'x')));
}

TEST("address: comparing takes the port into account, or not") {
  Address a = *Address::parse("10.0.0.1:80"), b = *Address::parse("10.0.0.1:81");
  CHECK(!(a == b));
  CHECK(a.same_host(b));
  b.set_port(80);
  CHECK(a == b);
  CHECK(!(a == *Address::parse("[::1]:80")));
  CHECK(*Address::parse("unix:/a") == *Address::parse("unix:/a"));
  CHECK(!(*Address::parse("unix:/a") == *Address::parse("unix:/b")));
}

TEST("address: an unnamed unix socket prints as unix:") {
  sockaddr_un unnamed = {};
  unnamed.sun_family = AF_UNIX;
  Address address(reinterpret_cast<sockaddr*>(&unnamed), sizeof(sa_family_t));
  CHECK(address.family() == Family::unix);
  CHECK_EQUAL(address.text(), "unix:");
  Address copy = address;
  CHECK(copy == address);
  CHECK_EQUAL(Address().text(), "");
}

TEST("address: an unterminated unix path of full length stays whole") {
  sockaddr_un full = {};
  full.sun_family = AF_UNIX;
  std::memset(full.sun_path, 'p', sizeof(full.sun_path));
  Address address(reinterpret_cast<sockaddr*>(&full), sizeof(full));
  CHECK_EQUAL(address.text(), "unix:" + std::string(108, 'p'));
}

}  // namespace
}  // namespace sluice::net
