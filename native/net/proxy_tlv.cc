#include "net/proxy_tlv.h"

#include <span>
#include <utility>

#include "base/byte_order.h"
#include "base/number.h"

namespace sluice::net {

namespace {

using Outcome = ProxyTlv::Outcome;
using Name = std::pair<std::string_view, uint8_t>;

// haproxy's proxy-protocol.txt, 2.2.
constexpr uint8_t ssl_type = 0x20;
constexpr size_t ssl_fixed = 5;  // a byte of flags, then what the verification came to
constexpr Name names[] = {
    {"alpn", 0x01}, {"authority", 0x02}, {"unique_id", 0x05}, {"ssl", ssl_type}, {"netns", 0x30},
};
constexpr Name ssl_names[] = {
    {"version", 0x21}, {"cn", 0x22}, {"cipher", 0x23}, {"sig_alg", 0x24}, {"key_alg", 0x25},
};

uint8_t octet(std::string_view bytes, size_t at) { return uint8_t(bytes[at]); }

// A type, two bytes of length, most significant first, and the value.
ProxyTlv find_type(std::string_view tlvs, uint64_t type) {
  constexpr size_t head = 3;
  while (!tlvs.empty()) {
    if (tlvs.size() < head) return {Outcome::broken};
    auto size = size_t(big_endian(tlvs.substr(1, 2)));
    if (tlvs.size() - head < size) return {Outcome::broken};
    if (octet(tlvs, 0) == type) return {Outcome::found, tlvs.substr(head, size)};
    tlvs.remove_prefix(head + size);
  }
  return {Outcome::absent};
}

ProxyTlv find_name(std::string_view tlvs, std::string_view name, std::span<const Name> known) {
  if (name.starts_with("0x")) {
    std::optional<uint64_t> type = parse_hex(name.substr(2));
    return type ? find_type(tlvs, *type) : ProxyTlv{Outcome::invalid_type};
  }
  for (const auto& [text, type] : known) {
    if (text == name) return find_type(tlvs, type);
  }
  return {Outcome::unknown_name};
}

}  // namespace

ProxyTlv find_proxy_tlv(std::string_view tlvs, std::string_view name) {
  constexpr std::string_view ssl_prefix = "ssl_";
  if (!name.starts_with(ssl_prefix)) return find_name(tlvs, name, names);
  name.remove_prefix(ssl_prefix.size());
  ProxyTlv ssl = find_type(tlvs, ssl_type);
  if (ssl.outcome != Outcome::found) return ssl;
  if (ssl.value.size() < ssl_fixed) return {Outcome::broken};
  if (name == "verify") {
    auto verify = uint32_t(big_endian(ssl.value.substr(1, ssl_fixed - 1)));
    return {Outcome::found, {}, verify};
  }
  return find_name(ssl.value.substr(ssl_fixed), name, ssl_names);
}

}  // namespace sluice::net
