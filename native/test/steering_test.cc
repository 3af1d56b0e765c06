// Packets over loopback, and which socket the kernel has taken them to.

#include "quic/steering.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <map>

#include "base/file.h"
#include "quic/reuseport_group.h"
#include "test/aes.h"
#include "test/check.h"

namespace {

using namespace sluice;
using namespace sluice::quic;

constexpr size_t workers = 4;

/// Sockets of one address and port, one for each worker.
class Sockets {
 public:
  explicit Sockets(uint16_t port = 0) : port_(port) {
    for (size_t i = 0; i < workers; ++i) open();
  }
  uint16_t port() const { return port_; }
  std::vector<int> numbers() const {
    std::vector<int> all;
    for (const Descriptor& socket : sockets_) all.push_back(socket.get());
    return all;
  }
  /// Whose socket has a datagram; takes it. -1: nobody's.
  int take(int wait_ms) {
    pollfd polled[workers];
    for (size_t i = 0; i < workers; ++i) polled[i] = {sockets_[i].get(), POLLIN, 0};
    if (::poll(polled, workers, wait_ms) <= 0) return -1;
    for (size_t i = 0; i < workers; ++i) {
      char buffer[64];
      if (polled[i].revents && ::recv(polled[i].fd, buffer, sizeof buffer, 0) > 0) return int(i);
    }
    return -1;
  }

 private:
  void open() {
    Descriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    int on = 1;
    ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(port_);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* name = reinterpret_cast<sockaddr*>(&address);
    socklen_t size = sizeof address;
    CHECK(::bind(socket.get(), name, size) == 0);
    ::getsockname(socket.get(), name, &size);
    port_ = ntohs(address.sin_port);
    sockets_.push_back(std::move(socket));
  }

  uint16_t port_;
  std::vector<Descriptor> sockets_;
};

/// From a port of its own each time.
void send(uint16_t port, std::span<const uint8_t> packet) {
  Descriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ::sendto(socket.get(), packet.data(), packet.size(), 0, reinterpret_cast<sockaddr*>(&address),
           sizeof address);
}

std::vector<uint8_t> packet(std::span<const uint8_t> id, bool long_header) {
  std::vector<uint8_t> made = {uint8_t(long_header ? 0xc0 : 0x40)};
  if (long_header) made.insert(made.end(), {0, 0, 0, 1, uint8_t(id.size())});
  made.insert(made.end(), id.begin(), id.end());
  made.resize(60);
  return made;
}

ConnectionIdScheme::Settings settings() {
  return {.configurations = {{0, "\x0a", 15, std::string(16, 'k')}, {2, "\x0a\x0b", 9, {}}, {}},
          .process_key = {0x12345678, 0x9abcdef0}};
}

/// As the configuration at `position` makes them.
ConnectionIdScheme scheme(ConnectionIdScheme::Owner owner, size_t position = 0) {
  ConnectionIdScheme::Settings made = settings();
  std::swap(made.configurations[0], made.configurations[position]);
  return {made, owner, test::plain_aes_128};
}

std::vector<uint8_t> of_client(uint8_t number, size_t size) {
  std::vector<uint8_t> id(size);
  for (size_t i = 0; i < size; ++i) id[i] = uint8_t(number * 31 + i * 7 + 1);
  return id;
}

/// Both headers, all configurations and workers: how many packets went astray.
int count_strays(Sockets& sockets, uint16_t generation) {
  int strays = 0;
  for (uint16_t worker = 0; worker < workers; ++worker) {
    for (size_t position = 0; position < settings().configurations.size(); ++position) {
      ConnectionId made = scheme({worker, generation}, position).make();
      for (bool long_header : {false, true}) {
        send(sockets.port(), packet(made.view(), long_header));
        if (sockets.take(1000) != worker) strays++;
      }
    }
  }
  return strays;
}

}  // namespace

TEST("classic BPF takes packets to their worker's socket, and spreads others") {
  Sockets sockets;
  CHECK_EQUAL(attach_filter(sockets.numbers()[0], Steering::of(settings()), workers), 0);
  for (int i = 0; i < 8; ++i) CHECK_EQUAL(count_strays(sockets, 77), 0);
  std::map<int, int> seen;
  for (uint8_t i = 0; i < 200; ++i) {
    send(sockets.port(), packet(of_client(i, 8 + i % 13), true));
    seen[sockets.take(1000)]++;
  }
  CHECK_EQUAL(seen.count(-1), 0u);
  for (int worker = 0; worker < int(workers); ++worker) CHECK(seen[worker] > 20);
}

TEST("eBPF takes packets to worker and generation, new connections to the latest") {
  std::optional<ReuseportGroup> group = ReuseportGroup::create();
  if (!group) {
    std::printf("# bpf() is refused here (%s): classic BPF alone was tried\n", strerror(errno));
    return;
  }
  Steering steering = Steering::of(settings());
  Sockets before;
  uint16_t first = 0;
  CHECK_EQUAL(group->attach(before.numbers()[0], steering), 0);
  CHECK_EQUAL(group->add(11, before.numbers(), first), 0);
  CHECK_EQUAL(group->prefer(first, workers), 0);
  CHECK_EQUAL(count_strays(before, 11), 0);

  {
    Sockets after(before.port());
    CHECK_EQUAL(group->add(12, after.numbers(), first), 0);
    CHECK_EQUAL(first, workers);
    send(before.port(), packet(of_client(1, 8), true));
    CHECK(before.take(1000) >= 0);  // the new ones are not ready yet

    CHECK_EQUAL(group->prefer(first, workers), 0);
    for (int i = 0; i < 4; ++i) {
      CHECK_EQUAL(count_strays(before, 11), 0);
      CHECK_EQUAL(count_strays(after, 12), 0);
    }
    std::map<int, int> seen;
    for (uint8_t i = 0; i < 200; ++i) {
      send(before.port(), packet(of_client(i, 8 + i % 13), true));
      seen[after.take(1000)]++;
    }
    CHECK_EQUAL(seen.count(-1), 0u);
    for (int worker = 0; worker < int(workers); ++worker) CHECK(seen[worker] > 20);

    // What nobody has made any more is answered by those who take new connections.
    send(before.port(), packet(scheme({1, 10}).make().view(), false));
    CHECK(after.take(1000) >= 0);
  }

  // Closed sockets leave their slots to others.
  Sockets last(before.port());
  CHECK_EQUAL(group->add(13, last.numbers(), first), 0);
  CHECK_EQUAL(first, workers);
  CHECK_EQUAL(count_strays(last, 13), 0);
  CHECK_EQUAL(count_strays(before, 11), 0);
}
