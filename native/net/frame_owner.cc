#include "net/frame_owner.h"

#include <netinet/in.h>

#include <cstddef>

namespace sluice::net {
namespace {

constexpr size_t ethernet_header = 14;
constexpr size_t vlan_tag = 4;
constexpr size_t ipv6_header = 40;
constexpr size_t least_ipv4_header = 20;
constexpr uint16_t type_ipv4 = 0x0800;
constexpr uint16_t type_ipv6 = 0x86dd;
constexpr uint16_t type_vlan = 0x8100;

uint16_t read_16(std::span<const uint8_t> bytes, size_t at) {
  return static_cast<uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}

struct Flow {
  std::span<const uint8_t> addresses;
  std::span<const uint8_t> ports;  ///< source and destination; empty: neither TCP nor UDP
};

bool has_ports(uint8_t protocol) { return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP; }

/// RFC 791, section 3.1.
Flow read_ipv4(std::span<const uint8_t> packet) {
  if (packet.size() < least_ipv4_header) return {};
  size_t header = size_t(packet[0] & 15) * 4;
  uint16_t fragment = read_16(packet, 6) & 0x3fff;  // "more fragments" and the offset
  if (header < least_ipv4_header || packet.size() < header + 4 || fragment) return {};
  if (!has_ports(packet[9])) return {};
  return {packet.subspan(12, 8), packet.subspan(header, 4)};
}

/// RFC 8200, section 3. Nobody puts extension headers before TCP or UDP on the wire.
Flow read_ipv6(std::span<const uint8_t> packet) {
  if (packet.size() < ipv6_header + 4 || !has_ports(packet[6])) return {};
  return {packet.subspan(8, 32), packet.subspan(ipv6_header, 4)};
}

Flow read_flow(std::span<const uint8_t> frame) {
  size_t header = ethernet_header;
  if (frame.size() < header) return {};
  uint16_t type = read_16(frame, header - 2);
  if (type == type_vlan && frame.size() >= header + vlan_tag) {
    header += vlan_tag;
    type = read_16(frame, header - 2);
  }
  if (type == type_ipv4) return read_ipv4(frame.subspan(header));
  if (type == type_ipv6) return read_ipv6(frame.subspan(header));
  return {};
}

/// FNV-1a; the low bits of its 32 are mixed well enough for a handful of workers.
uint32_t hash(const Flow& flow) {
  uint32_t value = 2166136261u;
  for (std::span<const uint8_t> bytes : {flow.addresses, flow.ports}) {
    for (uint8_t byte : bytes) value = (value ^ byte) * 16777619u;
  }
  return value ^ value >> 16;
}

}  // namespace

int owner_of_frame(std::span<const uint8_t> frame, const PortRanges& ranges) {
  Flow flow = read_flow(frame);
  if (flow.ports.empty()) return -1;
  unsigned destination = read_16(flow.ports, 2);
  if (ranges.each && destination >= ranges.first) {
    unsigned worker = (destination - ranges.first) / ranges.each;
    if (worker < ranges.workers) return static_cast<int>(worker);
  }
  return static_cast<int>(hash(flow) % ranges.workers);
}

}  // namespace sluice::net
