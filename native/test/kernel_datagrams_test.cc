#include "net/kernel_datagrams.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include <string>

#include "test/check.h"
#include "test/loop.h"

namespace sluice::net {
namespace {

using test::Loop;

/// A UDP socket on a free port.
Descriptor bound(const char* address, Address& where) {
  std::optional<Address> wanted = Address::parse(address);
  Descriptor socket(::socket(wanted->data()->sa_family, SOCK_DGRAM | SOCK_NONBLOCK, 0));
  if (!socket || ::bind(socket.get(), wanted->data(), wanted->size()) < 0) return {};
  sockaddr_storage name;
  socklen_t size = sizeof name;
  ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&name), &size);
  where = Address(reinterpret_cast<sockaddr*>(&name), size);
  return socket;
}

Address at_port(const char* host, uint16_t port) {
  Address address = *Address::parse(host);
  address.set_port(port);
  return address;
}

void send_to(const Descriptor& socket, const Address& to, std::string_view bytes) {
  ::sendto(socket.get(), bytes.data(), bytes.size(), 0, to.data(), to.size());
}

struct Box : DatagramSocket::Consumer {
  void on_datagram(const Datagram& datagram) override {
    texts.emplace_back(reinterpret_cast<const char*>(datagram.bytes.data()), datagram.bytes.size());
    remotes.push_back(datagram.remote);
    locals.push_back(datagram.local);
    marks.push_back(datagram.ecn);
  }
  void on_room() override { ++rooms; }
  std::vector<std::string> texts;
  std::vector<Address> remotes, locals;
  std::vector<Ecn> marks;
  int rooms = 0;
};

void write(DatagramSocket& socket, std::string_view bytes, const Departure& departure) {
  std::span<uint8_t> room = socket.prepare(bytes.size());
  std::copy(bytes.begin(), bytes.end(), room.begin());
  socket.commit(bytes.size(), departure);
}

TEST("datagrams: come with the peer's address and the one that they were sent to") {
  Loop loop;
  Address any, client_address;
  Descriptor server = bound("0.0.0.0", any), client = bound("127.0.0.1", client_address);
  Box box;
  auto socket = loop.stack->open_datagrams({server.get()}, box);
  Address asked = at_port("127.0.0.9", any.port());
  send_to(client, asked, "hello");
  CHECK(loop.until([&] { return box.texts.size() == 1; }));
  CHECK_EQUAL(box.texts[0], "hello");
  CHECK(box.remotes[0] == client_address);
  CHECK(box.locals[0] == asked);
}

TEST("datagrams: a reply leaves from the address that was asked") {
  Loop loop;
  for (const char* hosts : {"0.0.0.0 127.0.0.1 127.0.0.7", "[::] [::1] [::1]"}) {
    std::string words(hosts);
    std::string wild = words.substr(0, words.find(' '));
    std::string near = words.substr(wild.size() + 1, words.rfind(' ') - wild.size() - 1);
    std::string far = words.substr(words.rfind(' ') + 1);
    Address any, client_address;
    Descriptor server = bound(wild.c_str(), any), client = bound(near.c_str(), client_address);
    if (!server || !client) continue;  // no IPv6 here
    Box box, answers;
    auto socket = loop.stack->open_datagrams({server.get()}, box);
    auto other = loop.stack->open_datagrams({client.get()}, answers);
    Address asked = at_port(far.c_str(), any.port());
    send_to(client, asked, "?");
    CHECK(loop.until([&] { return box.texts.size() == 1; }));
    write(*socket, "!", {box.remotes[0], box.locals[0]});
    CHECK(loop.until([&] { return answers.texts.size() == 1; }));
    CHECK(answers.remotes[0] == asked);
  }
}

TEST("datagrams: a train arrives as the datagrams it is made of, marks and all") {
  Loop loop;
  Address here, there;
  Descriptor a = bound("127.0.0.1", here), b = bound("127.0.0.1", there);
  Box unused, box;
  auto sender = loop.stack->open_datagrams({a.get()}, unused);
  auto receiver = loop.stack->open_datagrams({b.get()}, box);
  std::string train;
  for (int i = 0; i < 40; ++i) train += std::string(1200, char('a' + i % 26));
  train += "tail";
  for (bool on : {true, false}) {
    box = Box();
    sender->use_segmentation(on);
    write(*sender, train, {.remote = there, .local = here, .ecn = Ecn::ect0, .segment = 1200});
    CHECK(loop.until([&] { return box.texts.size() == 41; }));
    std::string joined;
    for (const std::string& text : box.texts) joined += text;
    CHECK(joined == train);
    CHECK_EQUAL(box.texts[0].size(), 1200u);
    CHECK_EQUAL(box.texts[40], "tail");
    CHECK(box.marks[40] == Ecn::ect0);
  }
}

TEST("datagrams: trains for several peers leave with the turn") {
  Loop loop;
  Address here, first, second;
  Descriptor a = bound("127.0.0.1", here), b = bound("127.0.0.1", first),
             c = bound("127.0.0.1", second);
  Box unused, one, two;
  auto sender = loop.stack->open_datagrams({a.get()}, unused);
  auto left = loop.stack->open_datagrams({b.get()}, one);
  auto right = loop.stack->open_datagrams({c.get()}, two);
  for (int i = 0; i < 100; ++i) write(*sender, std::to_string(i), {i % 2 ? first : second, here});
  CHECK(loop.until([&] { return one.texts.size() == 50 && two.texts.size() == 50; }));
  CHECK_EQUAL(one.texts.front(), "1");
  CHECK_EQUAL(two.texts.back(), "98");
}

TEST("datagrams: who stops reading leaves them to others, and may send") {
  Loop loop;
  Address here, there;
  Descriptor a = bound("127.0.0.1", here), b = bound("127.0.0.1", there);
  Box old_box, new_box, answers;
  auto old_reader = loop.stack->open_datagrams({a.get()}, old_box);
  auto client = loop.stack->open_datagrams({b.get()}, answers);
  old_reader->stop_reading();
  Descriptor copy(::dup(a.get()));
  auto new_reader = loop.stack->open_datagrams({copy.get()}, new_box);
  send_to(b, here, "hi");
  CHECK(loop.until([&] { return new_box.texts.size() == 1; }));
  CHECK(old_box.texts.empty());
  write(*old_reader, "still here", {there, here});
  CHECK(loop.until([&] { return answers.texts.size() == 1; }));
}

TEST("datagrams: a consumer may let go of the socket") {
  Loop loop;
  Address here, there;
  Descriptor a = bound("127.0.0.1", here), b = bound("127.0.0.1", there);
  struct Quitter : DatagramSocket::Consumer {
    void on_datagram(const Datagram&) override {
      ++seen;
      socket.reset();
    }
    void on_room() override {}
    std::unique_ptr<DatagramSocket> socket;
    int seen = 0;
  } quitter;
  quitter.socket = loop.stack->open_datagrams({a.get()}, quitter);
  for (int i = 0; i < 5; ++i) send_to(b, here, "x");
  CHECK(loop.until([&] { return quitter.seen > 0; }));
  loop.for_ms(5);
  CHECK_EQUAL(quitter.seen, 1);
}

}  // namespace
}  // namespace sluice::net
