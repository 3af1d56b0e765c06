#include "net/flow_director.h"

#include <netinet/in.h>

#include <map>
#include <memory>
#include <set>
#include <vector>

#include "test/check.h"

namespace sluice::net {
namespace {

using Bytes = std::vector<uint8_t>;
using Place = FlowDirector::Place;
constexpr int here = FlowDirector::here, nobody = FlowDirector::nobody;

void add_16(Bytes& frame, unsigned value) {
  frame.push_back(uint8_t(value >> 8));
  frame.push_back(uint8_t(value));
}

Bytes ethernet(unsigned type, bool tagged = false) {
  Bytes frame(12, 0xee);
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
  uint8_t flags = 0x10;
};

void add_payload(Bytes& frame, const Packet& packet) {
  add_16(frame, packet.from);
  add_16(frame, packet.to);
  frame.insert(frame.end(), 8, 0);
  frame.insert(frame.end(), {0x50, packet.flags, 0, 0, 0, 0, 0, 0});
}

Bytes ipv4(const Packet& packet) {
  Bytes frame = ethernet(0x0800, packet.tagged);
  frame.push_back(uint8_t(0x40 | (5 + packet.options)));
  frame.insert(frame.end(), 5, 0);
  add_16(frame, packet.fragment);
  frame.insert(frame.end(), {64, packet.protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2});
  frame.insert(frame.end(), packet.options * 4, 0);
  add_payload(frame, packet);
  return frame;
}

Bytes ipv6(const Packet& packet) {
  Bytes frame = ethernet(0x86dd);
  frame.insert(frame.end(), {0x60, 0, 0, 0, 0, 20, packet.protocol, 64});
  frame.insert(frame.end(), 32, 0xfd);
  add_payload(frame, packet);
  return frame;
}

Bytes syn(unsigned from, unsigned to = 80) { return ipv4({.from = from, .to = to, .flags = 0x02}); }
Bytes segment(unsigned from, unsigned to = 80) { return ipv4({.from = from, .to = to}); }

Flow flow(unsigned from) {
  uint8_t remote[] = {10, 0, 0, 1}, local[] = {10, 0, 0, 2};
  return Flow(*Address::from_ip(remote, uint16_t(from)), *Address::from_ip(local, 80));
}

/// A board as masters make it.
struct Board {
  explicit Board(uint8_t shifts = 4) {
    memory->version = FlowBoard::current_version;
    memory->shifts = shifts;
    memory->key = 0x0123456789abcdef;
    memory->listening[80 / 64] |= uint64_t{1} << 80 % 64;
  }
  void occupy(uint8_t shift, uint8_t workers, FlowBoard::State state) {
    memory->incarnations[shift]++;
    memory->workers[shift] = workers;
    set(shift, state);
  }
  void set(uint8_t shift, FlowBoard::State state) {
    for (uint8_t i = 0; i < memory->workers[shift]; ++i) memory->states[shift][i] = state;
  }
  void serve(uint8_t shift) {
    memory->serving_shift = shift;
    set(shift, FlowBoard::serving);
  }
  FlowDirector director(Place place, bool exclusive = true) {
    return FlowDirector(*memory, place, exclusive);
  }
  std::unique_ptr<FlowBoard> memory = std::make_unique<FlowBoard>();
};

TEST("flows: what comes back to a worker's own port is that worker's") {
  Board board(1);
  board.occupy(0, 3, FlowBoard::serving);
  FlowDirector director = board.director({0, 2}, false);
  unsigned each = FlowBoard::ports / 3;
  for (unsigned worker : {0u, 1u, 2u}) {
    for (unsigned port : {worker * each + 10'000, worker * each + 10'000 + each - 1}) {
      int owner = worker == 2 ? here : int(worker);
      CHECK_EQUAL(director.owner_of(ipv4({.from = 80, .to = port})), owner);
      CHECK_EQUAL(director.owner_of(ipv6({.from = 80, .to = port})), owner);
    }
  }
}

TEST("flows: a port that something listens on is no source of connections") {
  Board board(1);
  board.occupy(0, 2, FlowBoard::serving);
  FlowDirector director = board.director({0, 0}, false);
  director.listen_on(60'000);
  std::set<int> owners;
  for (unsigned from = 1; from < 100; ++from) owners.insert(director.owner_of(syn(from, 60'000)));
  CHECK_EQUAL(owners.size(), 2u);
}

TEST("flows: others are spread over all workers, each by itself") {
  Board board;
  board.occupy(0, 3, FlowBoard::serving);
  FlowDirector director = board.director({0, 0}, false);
  std::map<int, int> owners;
  for (unsigned port = 30'000; port < 30'300; ++port) {
    int owner = director.owner_of(segment(port));
    CHECK_EQUAL(owner, director.owner_of(syn(port)));
    owners[owner]++;
  }
  CHECK_EQUAL(owners.size(), 3u);
  for (auto [owner, count] : owners) CHECK(count > 60);
}

TEST("flows: of workers that all get all packets each has its own") {
  Board board;
  board.occupy(0, 2, FlowBoard::serving);
  FlowDirector first = board.director({0, 0}), second = board.director({0, 1});
  for (unsigned port = 1000; port < 1100; ++port) {
    for (const Bytes& frame :
         {syn(port), segment(port), ipv4({.protocol = IPPROTO_UDP, .from = port})}) {
      CHECK_EQUAL((first.owner_of(frame) == here) + (second.owner_of(frame) == here), 1);
    }
  }
  Bytes echo = ipv4({.protocol = IPPROTO_ICMP, .from = 0x0800});
  CHECK_EQUAL(first.owner_of(echo), here);
  CHECK_EQUAL(second.owner_of(echo), nobody);
}

TEST("flows: what a worker on the kernel's stack would have goes to another one") {
  Board board;
  board.occupy(0, 2, FlowBoard::serving);
  board.memory->states[0][0] = FlowBoard::elsewhere;
  FlowDirector second = board.director({0, 1});
  for (unsigned port = 1000; port < 1050; ++port) CHECK_EQUAL(second.owner_of(syn(port)), here);
}

TEST("flows: options and VLAN tags don't hide the ports") {
  Board board(1);
  board.occupy(0, 3, FlowBoard::serving);
  FlowDirector director = board.director({0, 0}, false);
  CHECK_EQUAL(director.owner_of(ipv4({.to = 30'000, .options = 10})), 1);
  CHECK_EQUAL(director.owner_of(ipv4({.to = 50'000, .tagged = true})), 2);
}

TEST("flows: what has no ports is for all") {
  Board board;
  board.occupy(0, 3, FlowBoard::serving);
  FlowDirector director = board.director({0, 1});
  CHECK_EQUAL(director.owner_of(ethernet(0x0806)), here);
  CHECK_EQUAL(director.owner_of(ipv4({.protocol = IPPROTO_ICMP, .from = 0x0303})), here);
  CHECK_EQUAL(director.owner_of(ipv4({.fragment = 100})), here);
  CHECK_EQUAL(director.owner_of(ipv4({.fragment = 0x2000})), here);
  CHECK_EQUAL(director.owner_of(ipv6({.protocol = IPPROTO_ICMPV6, .from = 0x8700})), here);
}

TEST("flows: a frame that is cut anywhere is read to its end only") {
  Board board;
  board.occupy(0, 2, FlowBoard::serving);
  FlowDirector director = board.director({0, 0}, false);
  for (const Bytes& whole : {ipv4({.options = 3, .tagged = true}), ipv6({})}) {
    for (size_t size = 0; size < whole.size(); ++size) {
      Bytes cut(whole.begin(), whole.begin() + long(size));
      cut.shrink_to_fit();
      CHECK(director.owner_of(cut) < 3);
    }
  }
  Bytes odd = ipv4({});
  odd[14] = 0x41;  // a header of 4 bytes
  CHECK_EQUAL(director.owner_of(odd), here);
}

/// One worker before and one after, as in a reload.
struct HandOver {
  HandOver() {
    board.occupy(0, 1, FlowBoard::serving);
    tick();
    CHECK_EQUAL(before.owner_of(syn(1)), here);
    CHECK_EQUAL(before.owner_of(segment(2)), here);
    board.occupy(1, 1, FlowBoard::waiting);
    tick();
  }
  bool tick(uint64_t ms = 1) {
    now += ms;
    bool publish = before.update(now);
    after.update(now);
    return publish;
  }
  /// Whose a frame is: 0 before, 1 after, -1 nobody, 2 both.
  int owner(const Bytes& frame, bool after_first = false) {
    int first = after_first ? after.owner_of(frame) : before.owner_of(frame);
    int second = after_first ? before.owner_of(frame) : after.owner_of(frame);
    bool old = (after_first ? second : first) == here,
         young = (after_first ? first : second) == here;
    return old && young ? 2 : old ? 0 : young ? 1 : -1;
  }
  void retire(std::initializer_list<unsigned> open) {
    before.publish([&](auto keep) {
      for (unsigned from : open) keep(flow(from));
    });
  }

  Board board;
  FlowDirector before = board.director({0, 0}), after = board.director({1, 0});
  uint64_t now = 1000;
};

TEST("hand-over: who waits gets nothing") {
  HandOver both;
  CHECK_EQUAL(both.owner(syn(10)), 0);
  CHECK_EQUAL(both.owner(segment(10)), 0);
  CHECK_EQUAL(both.owner(segment(2)), 0);
  CHECK(!both.tick(10'000));
  CHECK(both.before.leaving());
}

TEST("hand-over: new connections go to the new shift, old ones stay") {
  HandOver both;
  both.owner(syn(10));
  both.board.serve(1);
  both.tick();
  both.tick(100);
  CHECK_EQUAL(both.owner(syn(20)), 1);
  CHECK_EQUAL(both.owner(segment(20)), 1);
  CHECK_EQUAL(both.owner(segment(2)), 0);
  CHECK_EQUAL(both.owner(segment(10)), 0);
  CHECK_EQUAL(both.owner(syn(10)), 0);  // sent once more
  CHECK(!both.tick(1000));
  CHECK(both.tick(1000));
  both.retire({2, 10});
  CHECK_EQUAL(both.owner(segment(2)), 0);
  CHECK_EQUAL(both.owner(segment(10)), 0);
  CHECK_EQUAL(both.owner(segment(20)), 1);
  CHECK_EQUAL(both.owner(segment(99)), 1);  // nobody's
  CHECK_EQUAL(both.owner(syn(2)), 1);       // the client has done with the old one
  CHECK_EQUAL(both.owner(segment(2)), 1);
  both.board.memory->incarnations[0] = 0;
  both.tick();
  CHECK_EQUAL(both.after.owner_of(segment(10)), here);
}

TEST("hand-over: whoever learns first, a connection has one owner") {
  for (bool after_first : {false, true}) {
    HandOver both;
    both.board.serve(1);
    // The old one hasn't had a turn since.
    CHECK(both.owner(syn(10), after_first) == (after_first ? 1 : 0));
    both.before.update(both.now + 20);
    CHECK(both.owner(syn(11), after_first) == (after_first ? 1 : 0));
    int owner = both.owner(syn(11), !after_first);
    CHECK_EQUAL(owner, after_first ? 1 : 0);  // sent once more
  }
  HandOver both;
  CHECK_EQUAL(both.after.owner_of(syn(10)), nobody);  // seen before it served
  both.board.serve(1);
  CHECK_EQUAL(both.before.owner_of(syn(10)), here);  // so the old one takes it
  CHECK_EQUAL(both.after.owner_of(segment(10)), nobody);
}

TEST("hand-over: a connection that closes meanwhile, or comes late, stays known") {
  HandOver both;
  both.board.serve(1);
  both.tick(100);
  both.before.keep(flow(30));
  both.retire({});
  both.before.keep(flow(31));
  CHECK_EQUAL(both.owner(segment(30)), 0);
  CHECK_EQUAL(both.owner(segment(31)), 0);
}

TEST("hand-over: back again") {
  HandOver both;
  both.board.serve(1);
  both.tick();
  both.tick(100);
  CHECK_EQUAL(both.owner(syn(20)), 1);
  both.tick(2000);
  both.retire({2});
  both.board.serve(0);
  both.tick(100);
  CHECK_EQUAL(both.owner(syn(40)), 0);
  CHECK_EQUAL(both.owner(segment(40)), 0);
  CHECK_EQUAL(both.owner(segment(20)), 1);
  CHECK_EQUAL(both.owner(segment(2)), 0);
}

TEST("hand-over: back again before the first one has published") {
  HandOver both;
  both.board.serve(1);
  both.tick();
  both.tick(100);
  CHECK_EQUAL(both.owner(syn(20)), 1);
  both.board.serve(0);
  both.tick(100);
  CHECK_EQUAL(both.owner(segment(2)), 0);  // from the time when it was alone
  CHECK_EQUAL(both.owner(segment(20)), 1);
  CHECK_EQUAL(both.owner(syn(40)), 0);
  both.after.publish([](auto keep) { keep(flow(20)); });
  both.after.become_deaf();
  CHECK(both.after.retired());
  CHECK_EQUAL(both.owner(segment(2)), 0);
  CHECK_EQUAL(both.owner(segment(20)), 1);
}

TEST("hand-over: of three the one that was alone has what nobody has claimed") {
  HandOver both;
  both.board.serve(1);
  both.board.occupy(2, 1, FlowBoard::waiting);
  FlowDirector third = both.board.director({2, 0});
  both.board.serve(2);
  both.tick(100);
  third.update(both.now);
  CHECK_EQUAL(both.owner(segment(2)), 0);
  both.retire({2});
  CHECK_EQUAL(both.owner(segment(2)), 0);
  CHECK_EQUAL(third.owner_of(segment(2)), nobody);
  CHECK_EQUAL(both.owner(segment(99)), 1);  // a claim that the table has lost
}

TEST("hand-over: connections to upstreams know their shift by the port") {
  HandOver both;
  unsigned each = FlowBoard::ports / 4;
  both.board.serve(1);
  CHECK_EQUAL(both.owner(segment(80, 10'000)), 0);
  CHECK_EQUAL(both.owner(segment(80, 10'000 + each)), 1);
}

TEST("hand-over: a full table loses connections in the making, not those that are kept") {
  HandOver both;
  both.board.serve(1);
  both.tick(100);
  both.retire({1, 2, 3});
  for (unsigned round = 0; round < 4; ++round) {
    for (unsigned from = 100; from < 65'000; ++from) {
      Bytes frame = syn(from);
      frame[29] = uint8_t(round + 100);  // of the client's address
      both.after.owner_of(frame);
    }
  }
  for (unsigned from : {1u, 2u, 3u}) CHECK_EQUAL(both.owner(segment(from)), 0);
}

}  // namespace
}  // namespace sluice::net
