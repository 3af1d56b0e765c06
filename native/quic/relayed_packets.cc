#include "quic/relayed_packets.h"

#include <algorithm>

namespace sluice::quic {
namespace {

void append_number(std::vector<uint8_t>& message, size_t number) {
  message.push_back(uint8_t(number >> 8));
  message.push_back(uint8_t(number));
}

void append_address(std::vector<uint8_t>& message, const net::Address& address) {
  std::span<const uint8_t> ip = address.ip_bytes();
  message.insert(message.end(), ip.begin(), ip.end());
  append_number(message, address.port());
}

/// Takes what is there off the front of a message, and knows when it was too little.
class Reader {
 public:
  explicit Reader(std::span<const uint8_t> bytes) : rest_(bytes) {}

  std::span<const uint8_t> take(size_t size) {
    if (rest_.size() < size) {
      failed_ = true;
      return {};
    }
    std::span<const uint8_t> taken = rest_.first(size);
    rest_ = rest_.subspan(size);
    return taken;
  }
  uint8_t byte() {
    std::span<const uint8_t> one = take(1);
    return one.empty() ? 0 : one[0];
  }
  uint16_t number() {
    uint8_t high = byte();
    return uint16_t(high << 8 | byte());
  }
  net::Address address(size_t ip_size) {
    std::span<const uint8_t> ip = take(ip_size);
    uint16_t port = number();
    std::optional<net::Address> made;
    if (!failed_) made = net::Address::from_ip(ip, port);
    if (!made) failed_ = true;
    return made.value_or(net::Address());
  }
  bool failed() const { return failed_; }
  std::span<const uint8_t> rest() const { return rest_; }

 private:
  std::span<const uint8_t> rest_;
  bool failed_ = false;
};

}  // namespace

bool append_relayed(std::vector<uint8_t>& message, const net::Datagram& datagram) {
  size_t ip_size = datagram.remote.ip_bytes().size();
  bool fits = ip_size != 0 && ip_size == datagram.local.ip_bytes().size() &&
              datagram.bytes.size() <= UINT16_MAX;
  if (!fits) return false;
  message.push_back(uint8_t(ip_size));
  message.push_back(uint8_t(datagram.ecn));
  append_address(message, datagram.remote);
  append_address(message, datagram.local);
  append_number(message, datagram.bytes.size());
  message.insert(message.end(), datagram.bytes.begin(), datagram.bytes.end());
  return true;
}

std::optional<RelayedPacket> take_relayed(std::span<const uint8_t>& message) {
  Reader reader(message);
  RelayedPacket packet;
  size_t ip_size = reader.byte();
  packet.ecn = net::Ecn(reader.byte() & 3);
  packet.remote = reader.address(ip_size);
  packet.local = reader.address(ip_size);
  packet.bytes = reader.take(reader.number());
  if (reader.failed()) return std::nullopt;
  message = reader.rest();
  return packet;
}

}  // namespace sluice::quic
