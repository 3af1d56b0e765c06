#include "quic/relayed_packets.h"

#include <string_view>

#include "test/check.h"

namespace {

using namespace sluice;
using namespace sluice::quic;

net::Address address(std::string_view text) { return *net::Address::parse(text); }

std::span<const uint8_t> bytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

std::string_view text(std::span<const uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

TEST("packets come out of a message as they went in") {
  net::Address client = address("192.0.2.7:5000"), ours = address("198.51.100.1:443");
  net::Address client6 = address("[2001:db8::7]:5001"), ours6 = address("[2001:db8::1]:443");
  std::vector<uint8_t> message;
  CHECK(append_relayed(message, {bytes("one"), client, ours, net::Ecn::ce}));
  CHECK(append_relayed(message, {bytes("another"), client6, ours6, net::Ecn::ect0}));

  std::span<const uint8_t> rest(message);
  auto first = take_relayed(rest);
  CHECK(first && text(first->bytes) == "one" && first->remote == client && first->local == ours);
  CHECK(first && first->ecn == net::Ecn::ce);
  auto second = take_relayed(rest);
  CHECK(second && text(second->bytes) == "another" && second->remote == client6);
  CHECK(second && second->local == ours6 && second->ecn == net::Ecn::ect0);
  CHECK(rest.empty());
}

TEST("a message that was cut gives no packet") {
  std::vector<uint8_t> message;
  append_relayed(message, {bytes("packet"), address("192.0.2.7:5000"), address("192.0.2.1:443")});
  for (size_t size = 0; size < message.size(); ++size) {
    std::span<const uint8_t> rest = std::span(message).first(size);
    CHECK(!take_relayed(rest));
  }
  message[0] = 5;
  std::span<const uint8_t> rest(message);
  CHECK(!take_relayed(rest));
}
