#include "net/proxy_tlv.h"

#include <string>

#include "net/proxy_protocol.h"
#include "test/check.h"

using sluice::net::find_proxy_tlv;
using sluice::net::ProxyTlv;
using Outcome = ProxyTlv::Outcome;

namespace {

std::string tlv(char type, const std::string& value) {
  return std::string{type, char(value.size() >> 8), char(value.size())} + value;
}

const std::string tlvs =
    tlv(0x02, "example.com") + tlv(0x01, "h2") +
    tlv(0x20, std::string("\1\0\0\1\2", 5) + tlv(0x21, "TLSv1.3") + tlv(0x22, "client"));

}  // namespace

TEST("a TLV is found by name and by number") {
  CHECK_EQUAL(find_proxy_tlv(tlvs, "authority").value, "example.com");
  CHECK_EQUAL(find_proxy_tlv(tlvs, "alpn").value, "h2");
  CHECK_EQUAL(find_proxy_tlv(tlvs, "0x01").value, "h2");
  CHECK_EQUAL(find_proxy_tlv(tlvs, "ssl_cn").value, "client");
  CHECK_EQUAL(find_proxy_tlv(tlvs, "ssl_0x21").value, "TLSv1.3");
  CHECK_EQUAL(find_proxy_tlv(tlvs, "ssl_verify").number.value_or(0), 258u);
}

TEST("what is not there, not known, or broken is told apart") {
  CHECK_EQUAL(find_proxy_tlv(tlvs, "unique_id").outcome, Outcome::absent);
  CHECK_EQUAL(find_proxy_tlv("", "ssl_cn").outcome, Outcome::absent);
  CHECK_EQUAL(find_proxy_tlv(tlvs, "nosuch").outcome, Outcome::unknown_name);
  CHECK_EQUAL(find_proxy_tlv(tlvs, "0xg").outcome, Outcome::invalid_type);
  CHECK_EQUAL(find_proxy_tlv(tlvs.substr(0, tlvs.size() - 1), "ssl_cn").outcome, Outcome::broken);
  CHECK_EQUAL(find_proxy_tlv("\x20", "ssl").outcome, Outcome::broken);
  CHECK_EQUAL(find_proxy_tlv(tlv(0x20, "abc"), "ssl_cn").outcome, Outcome::broken);
}

TEST("TLVs stand behind the addresses of a header of version 2") {
  std::string header("\r\n\r\n\0\r\nQUIT\n\x21\x11", 14);
  std::string rest = std::string("\x7f\0\0\1\x7f\0\0\2\0\1\0\2", 12) + tlv(0x01, "h2");
  header += std::string{0, char(rest.size())} + rest + "GET";
  sluice::net::ProxyHeader parsed;
  size_t size = 0;
  CHECK_EQUAL(sluice::net::parse_proxy_header(header, parsed, size),
              sluice::net::ProxyHeaderResult::complete);
  CHECK_EQUAL(size, header.size() - 3);
  CHECK_EQUAL(find_proxy_tlv(parsed.tlvs, "alpn").value, "h2");
}
