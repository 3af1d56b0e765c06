#include "net/frame_owner.h"

#include <netinet/in.h>

#include <set>
#include <vector>

#include "test/check.h"

namespace sluice::net {
namespace {

using Frame = std::vector<uint8_t>;

constexpr PortRanges ranges = {.first = 20'000, .each = 10'000, .workers = 3};

void add_16(Frame& frame, unsigned value) {
  frame.push_back(uint8_t(value >> 8));
  frame.push_back(uint8_t(value));
}

Frame ethernet(unsigned type, bool tagged = false) {
  Frame frame(12, 0xee);
  if (tagged) {
    add_16(frame, 0x8100);
    add_16(frame, 5);
  }
  add_16(frame, type);
  return frame;
}

struct Packet {
  uint8_t protocol = IPPROTO_TCP;
  unsigned from = 1234;
  unsigned to = 80;
  unsigned fragment = 0;
  size_t options = 0;
  bool tagged = false;
};

Frame ipv4(const Packet& packet) {
  Frame frame = ethernet(0x0800, packet.tagged);
  frame.push_back(uint8_t(0x40 | (5 + packet.options)));
  frame.insert(frame.end(), 5, 0);
  add_16(frame, packet.fragment);
  frame.insert(frame.end(), {64, packet.protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2});
  frame.insert(frame.end(), packet.options * 4, 0);
  add_16(frame, packet.from);
  add_16(frame, packet.to);
  frame.insert(frame.end(), 16, 0);
  return frame;
}

Frame ipv6(const Packet& packet) {
  Frame frame = ethernet(0x86dd);
  frame.insert(frame.end(), {0x60, 0, 0, 0, 0, 20, packet.protocol, 64});
  frame.insert(frame.end(), 32, 0xfd);
  add_16(frame, packet.from);
  add_16(frame, packet.to);
  frame.insert(frame.end(), 16, 0);
  return frame;
}

TEST("frames: what comes back to a worker's own port is that worker's") {
  for (unsigned worker : {0u, 1u, 2u}) {
    for (unsigned port : {worker * 10'000 + 20'000, worker * 10'000 + 29'999}) {
      CHECK_EQUAL(owner_of_frame(ipv4({.from = 80, .to = port}), ranges), int(worker));
      CHECK_EQUAL(owner_of_frame(ipv6({.from = 80, .to = port}), ranges), int(worker));
    }
  }
}

TEST("frames: other flows are spread over all workers, each by itself") {
  std::set<int> owners;
  for (unsigned port = 30'000; port < 30'100; ++port) {
    int owner = owner_of_frame(ipv4({.from = port}), ranges);
    CHECK_EQUAL(owner, owner_of_frame(ipv4({.from = port}), ranges));
    CHECK(owner >= 0 && owner < 3);
    owners.insert(owner);
  }
  CHECK_EQUAL(owners.size(), 3u);
  int above = owner_of_frame(ipv4({.to = 60'000}), ranges);
  CHECK(above >= 0 && above < 3);
}

TEST("frames: options and VLAN tags don't hide the ports") {
  CHECK_EQUAL(owner_of_frame(ipv4({.to = 30'000, .options = 10}), ranges), 1);
  CHECK_EQUAL(owner_of_frame(ipv4({.to = 40'000, .tagged = true}), ranges), 2);
}

TEST("frames: what has no ports is anybody's") {
  CHECK_EQUAL(owner_of_frame(ethernet(0x0806), ranges), -1);
  CHECK_EQUAL(owner_of_frame(ipv4({.protocol = IPPROTO_ICMP}), ranges), -1);
  CHECK_EQUAL(owner_of_frame(ipv4({.fragment = 100}), ranges), -1);
  CHECK_EQUAL(owner_of_frame(ipv4({.fragment = 0x2000}), ranges), -1);
  CHECK_EQUAL(owner_of_frame(ipv6({.protocol = IPPROTO_ICMPV6}), ranges), -1);
}

TEST("frames: a frame that is cut anywhere is read to its end only") {
  for (const Frame& whole : {ipv4({.options = 3, .tagged = true}), ipv6({})}) {
    for (size_t size = 0; size < whole.size(); ++size) {
      Frame cut(whole.begin(), whole.begin() + long(size));
      cut.shrink_to_fit();
      CHECK(owner_of_frame(cut, ranges) < 3);
    }
  }
  Frame odd = ipv4({});
  odd[14] = 0x41;  // a header of 4 bytes
  CHECK_EQUAL(owner_of_frame(odd, ranges), -1);
}

}  // namespace
}  // namespace sluice::net
