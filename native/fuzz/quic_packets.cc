// What a QUIC client sends once the handshake is complete, sealed with the right keys: whatever its
// packets hold, the connection ends or goes on, and when it has ended nothing is left of it.

#include <netinet/in.h>
#include <sys/socket.h>

#include "fuzz/data_plane.h"
#include "fuzz/quic_client.h"
#include "fuzz/split.h"
#include "proxy/quic_acceptor.h"

namespace {

using namespace sluice;
using fuzz::QuicClient;
using Bytes = std::span<const uint8_t>;

constexpr int patience = 100;  ///< turns, until nothing is left
constexpr size_t largest_payload = 1200;

/// How a packet of the input is sent: bits of its first byte.
enum How : uint8_t {
  at_handshake = 0x01,  ///< as a Handshake packet
  at_initial = 0x02,    ///< as an Initial packet
  with_new_keys = 0x04,
  from_elsewhere = 0x08,
  with_next = 0x10,  ///< the server sees them together
  unsealed = 0x20,   ///< as it is
  of_stream = 0x40,  ///< its first byte is a stream (and 0x80 its end), the rest what it carries
  acknowledging = 0x80,
};

Descriptor bound_socket(uint16_t& port) {
  Descriptor made(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  sockaddr_in address = {.sin_family = AF_INET, .sin_port = 0, .sin_addr = {}, .sin_zero = {}};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* name = reinterpret_cast<sockaddr*>(&address);
  FUZZ_REQUIRE(::bind(made.get(), name, size) == 0);
  FUZZ_REQUIRE(::getsockname(made.get(), name, &size) == 0);
  port = ntohs(address.sin_port);
  return made;
}

void shake_hands(QuicClient& client, fuzz::DataPlane& plane) {
  client.say();
  for (int i = 0; i < patience && !client.complete(); ++i) {
    plane.turn();
    client.receive();
  }
  FUZZ_REQUIRE(client.complete());
  for (int i = 0; i < patience && plane.thread().counters.waiting == 0; ++i) plane.turn();
  // The server waits for requests: for it, too, the handshake is complete, and so confirmed.
  FUZZ_REQUIRE(plane.thread().counters.waiting == 1);
  client.receive();
}

void send_packet(QuicClient& client, uint8_t how, Bytes payload) {
  if (how & from_elsewhere) client.move();
  if (how & with_new_keys) client.update_keys();
  if (how & acknowledging) client.acknowledge();
  if (how & unsealed) {
    client.send_raw(payload);
  } else if (how & of_stream) {
    if (payload.empty()) return;
    client.send_stream(payload[0] & 0x3f, payload.subspan(1), payload[0] & 0x80);
  } else {
    client.send(how & at_handshake ? QuicClient::Level::handshake
                : how & at_initial ? QuicClient::Level::initial
                                   : QuicClient::Level::application,
                payload);
  }
}

/// Packets: a byte that says how, two with the size, and what they hold.
void send_packets(QuicClient& client, fuzz::DataPlane& plane, Bytes input) {
  while (input.size() >= 3) {
    uint8_t how = input[0];
    size_t size = (size_t{input[1]} << 8 | input[2]) % largest_payload;
    Bytes payload = input.subspan(3, std::min(size, input.size() - 3));
    input = input.subspan(3 + payload.size());
    send_packet(client, how, payload);
    if (how & with_next) continue;
    plane.turn();
    client.receive();
  }
  for (int i = 0; i < 3; ++i) {
    plane.turn();
    client.receive();
  }
}

/// A connection of its own, and what the input says on it.
void connect(Bytes input) {
  fuzz::DataPlane& plane = fuzz::DataPlane::instance();
  static const quic::ConnectionIdScheme scheme({.configurations = {{}}, .process_key = {}}, {});
  static const quic::HostKeys keys("fuzzing");
  uint16_t port = 0;
  Descriptor socket = bound_socket(port);
  ListenerConf& listener = plane.thread().runtime().listeners[0];
  listener.socket.descriptor = socket.get();
  {
    QuicAcceptor acceptor(plane.thread(), listener, scheme, keys);
    FUZZ_REQUIRE(acceptor.endpoint().listening());
    QuicClient client(port);
    shake_hands(client, plane);
    send_packets(client, plane, input);
  }
  const Counters& counters = plane.thread().counters;
  for (int i = 0; i < patience && counters.active + counters.writing > 0; ++i) plane.turn();
  FUZZ_REQUIRE(counters.active == 0 && counters.writing == 0 && counters.reading == 0);
}

/// That requests come through at all: else the target would find nothing.
bool serves() {
  // HEADERS with :method GET, :scheme https, :authority a, :path /.
  constexpr uint8_t get[] = {of_stream, 0, 10, 0x80, 1, 7, 0, 0, 0xd1, 0xd7, 0x50, 1, 'a', 0xc1};
  connect(get);
  return fuzz::DataPlane::instance().thread().counters.requests == 1;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const bool good = serves();
  FUZZ_REQUIRE(good);
  connect({data, size});
  return 0;
}
