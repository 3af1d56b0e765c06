#include "net/proxy_protocol.h"

#include <cstring>
#include <string>

#include "base/byte_order.h"
#include "base/bytes.h"
#include "base/number.h"

namespace sluice::net {

namespace {

constexpr std::string_view signature("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr size_t v1_limit = 107;
constexpr size_t v2_fixed = 16;

std::optional<std::string_view> word(std::string_view& line) {
  size_t space = line.find(' ');
  std::string_view word = line.substr(0, space);
  line.remove_prefix(space == line.npos ? line.size() : space + 1);
  if (word.empty()) return std::nullopt;
  return word;
}

std::optional<Address> address(std::string_view host, std::string_view port, bool ipv6) {
  std::optional<uint64_t> number = parse_decimal(port);
  if (!number || *number > 65535 || host.find_first_of("[]/") != host.npos) return std::nullopt;
  std::string text = ipv6 ? "[" + std::string(host) + "]" : std::string(host);
  std::optional<Address> parsed = Address::parse(text, uint16_t(*number));
  Family wanted = ipv6 ? Family::ipv6 : Family::ipv4;
  if (!parsed || parsed->family() != wanted) return std::nullopt;
  parsed->set_port(uint16_t(*number));
  return parsed;
}

// `PROXY TCP4 192.0.2.1 192.0.2.2 56324 443 CRLF`
ProxyHeaderResult parse_v1(std::string_view bytes, ProxyHeader& header, size_t& size) {
  size_t end = bytes.find("\r\n");
  if (end == bytes.npos || end + 2 > v1_limit) {
    return bytes.size() < v1_limit ? ProxyHeaderResult::incomplete : ProxyHeaderResult::invalid;
  }
  size = end + 2;
  std::string_view line = bytes.substr(6, end - 6);
  if (line.starts_with("UNKNOWN")) return ProxyHeaderResult::complete;
  std::optional<std::string_view> family = word(line), source = word(line),
                                  destination = word(line), source_port = word(line),
                                  destination_port = word(line);
  if (!destination_port || !line.empty() || (*family != "TCP4" && *family != "TCP6")) {
    return ProxyHeaderResult::invalid;
  }
  bool ipv6 = *family == "TCP6";
  header.source = address(*source, *source_port, ipv6);
  header.destination = address(*destination, *destination_port, ipv6);
  return header.source && header.destination ? ProxyHeaderResult::complete
                                             : ProxyHeaderResult::invalid;
}

std::optional<Address> binary_address(std::string_view bytes, size_t at, size_t width,
                                      size_t port_at) {
  auto port = uint16_t(big_endian(bytes.substr(port_at, 2)));
  return Address::from_ip(as_bytes(bytes.substr(at, width)), port);
}

ProxyHeaderResult parse_v2(std::string_view bytes, ProxyHeader& header, size_t& size) {
  if (bytes.size() < v2_fixed) return ProxyHeaderResult::incomplete;
  uint8_t version_command = uint8_t(bytes[12]);
  uint8_t family = uint8_t(bytes[13]) >> 4;
  size = v2_fixed + big_endian(bytes.substr(14, 2));
  if (version_command >> 4 != 2 || size > max_proxy_header) return ProxyHeaderResult::invalid;
  if (bytes.size() < size) return ProxyHeaderResult::incomplete;
  if ((version_command & 0xf) != 1) return ProxyHeaderResult::complete;  // LOCAL
  size_t width = family == 1 ? 4 : family == 2 ? 16 : 0;
  if (width == 0) return ProxyHeaderResult::complete;
  size_t ports = v2_fixed + 2 * width;
  if (size < ports + 4) return ProxyHeaderResult::invalid;
  header.source = binary_address(bytes, v2_fixed, width, ports);
  header.destination = binary_address(bytes, v2_fixed + width, width, ports + 2);
  header.tlvs = bytes.substr(ports + 4, size - ports - 4);
  return ProxyHeaderResult::complete;
}

}  // namespace

ProxyHeaderResult parse_proxy_header(std::string_view bytes, ProxyHeader& header, size_t& size) {
  size_t compared = std::min(bytes.size(), signature.size());
  if (bytes.substr(0, compared) == signature.substr(0, compared)) {
    return compared < signature.size() ? ProxyHeaderResult::incomplete
                                       : parse_v2(bytes, header, size);
  }
  constexpr std::string_view v1 = "PROXY ";
  compared = std::min(bytes.size(), v1.size());
  if (bytes.substr(0, compared) != v1.substr(0, compared)) return ProxyHeaderResult::invalid;
  return compared < v1.size() ? ProxyHeaderResult::incomplete : parse_v1(bytes, header, size);
}

}  // namespace sluice::net
