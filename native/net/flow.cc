#include "net/flow.h"

#include <netinet/in.h>

#include <algorithm>
#include <cstring>

#include "base/byte_order.h"

namespace sluice::net {
namespace {

constexpr size_t ethernet_header = 14;
constexpr size_t vlan_tag = 4;
constexpr size_t ipv6_header = 40;
constexpr size_t least_ipv4_header = 20;
constexpr size_t tcp_flags_at = 13;
constexpr uint16_t type_ipv4 = 0x0800;
constexpr uint16_t type_ipv6 = 0x86dd;
constexpr uint16_t type_vlan = 0x8100;
constexpr uint8_t echo_request = 8;       // RFC 792
constexpr uint8_t echo_request_v6 = 128;  // RFC 4443, section 4.1

uint16_t read_16(std::span<const uint8_t> bytes, size_t at) {
  return uint16_t(big_endian(bytes.subspan(at, 2)));
}

/// RFC 9293, section 3.1: SYN without ACK.
bool begins_connection(std::span<const uint8_t> segment) {
  constexpr uint8_t syn = 0x02, ack = 0x10;
  return segment.size() > tcp_flags_at && (segment[tcp_flags_at] & (syn | ack)) == syn;
}

Frame read_payload(uint8_t protocol, std::span<const uint8_t> remote,
                   std::span<const uint8_t> local, std::span<const uint8_t> payload) {
  if (payload.size() < 4) return {};
  auto flow = [&] { return Flow(remote, local, payload.first(4)); };
  switch (protocol) {
    case IPPROTO_TCP:
      return {begins_connection(payload) ? Frame::Kind::syn : Frame::Kind::tcp, flow()};
    case IPPROTO_UDP:
      return {Frame::Kind::udp, flow()};
    case IPPROTO_ICMP:
      return {payload[0] == echo_request ? Frame::Kind::echo : Frame::Kind::other, {}};
    case IPPROTO_ICMPV6:
      return {payload[0] == echo_request_v6 ? Frame::Kind::echo : Frame::Kind::other, {}};
  }
  return {};
}

/// RFC 791, section 3.1.
Frame read_ipv4(std::span<const uint8_t> packet) {
  if (packet.size() < least_ipv4_header) return {};
  size_t header = size_t(packet[0] & 15) * 4;
  uint16_t fragment = read_16(packet, 6) & 0x3fff;  // "more fragments" and the offset
  if (header < least_ipv4_header || packet.size() < header || fragment) return {};
  return read_payload(packet[9], packet.subspan(12, 4), packet.subspan(16, 4),
                      packet.subspan(header));
}

/// RFC 8200, section 3. Nobody puts extension headers before TCP or UDP on the wire.
Frame read_ipv6(std::span<const uint8_t> packet) {
  if (packet.size() < ipv6_header) return {};
  return read_payload(packet[6], packet.subspan(8, 16), packet.subspan(24, 16),
                      packet.subspan(ipv6_header));
}

uint64_t load(const uint8_t* bytes) {
  uint64_t word;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

uint64_t mix(uint64_t a, uint64_t b) {
  __uint128_t product = __uint128_t{a} * b;
  return uint64_t(product) ^ uint64_t(product >> 64);
}

}  // namespace

Flow::Flow(std::span<const uint8_t> remote, std::span<const uint8_t> local,
           std::span<const uint8_t> ports) {
  uint8_t* end = std::ranges::copy(remote, bytes_.begin()).out;
  end = std::ranges::copy(local, end).out;
  end = std::ranges::copy(ports, end).out;
  size_ = static_cast<uint8_t>(end - bytes_.data());
  local_port_ = read_16(ports, 2);
}

Flow::Flow(const Address& remote, const Address& local) {
  if (!remote.is_ip() || remote.family() != local.family()) return;
  const uint16_t from = remote.port(), to = local.port();
  const uint8_t ports[] = {uint8_t(from >> 8), uint8_t(from), uint8_t(to >> 8), uint8_t(to)};
  *this = Flow(remote.ip_bytes(), local.ip_bytes(), ports);
}

/// A word at a time through multiplications of 64 by 64 bits, whose halves fold into one another.
uint64_t Flow::hash(uint64_t key) const {
  constexpr uint64_t odd = 0x9e3779b97f4a7c15;
  uint64_t value = key ^ odd * size_;
  for (size_t at = 0; at < size_; at += sizeof value) {
    value = mix(value ^ load(bytes_.data() + at), key | 1) + odd;
  }
  return mix(value ^ odd, key ^ odd);
}

Frame Frame::read(std::span<const uint8_t> bytes) {
  size_t header = ethernet_header;
  if (bytes.size() < header) return {};
  uint16_t type = read_16(bytes, header - 2);
  if (type == type_vlan && bytes.size() >= header + vlan_tag) {
    header += vlan_tag;
    type = read_16(bytes, header - 2);
  }
  if (type == type_ipv4) return read_ipv4(bytes.subspan(header));
  if (type == type_ipv6) return read_ipv6(bytes.subspan(header));
  return {};
}

}  // namespace sluice::net
