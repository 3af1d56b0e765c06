#include "net/fstack_stack.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <optional>
#include <thread>
#include <vector>

#include "net/fstack_errno.h"
#include "test/check.h"
#include "test/fstack_double.h"
#include "test/loop.h"

namespace sluice::net {
namespace {

using test::connected_to;
using test::Door;
using test::listening;
using test::receive_now;
using test::Recorder;
using test::send_all_now;

/// A stack over the double, turned by hand: run() would end it.
struct Fstack {
  explicit Fstack(uint32_t idle_sleep_us = 0) { start({.idle_sleep_us = idle_sleep_us}); }
  explicit Fstack(std::vector<std::optional<Address>> addresses) {
    FstackStack::Settings settings;
    for (const auto& address : addresses) settings.addresses.push_back(*address);
    start(settings);
  }
  void start(const FstackStack::Settings& settings) {
    test::reset_fstack_double();
    stack = FstackStack::create(test::fstack_double(), settings);
  }
  ~Fstack() { test::reset_fstack_double(); }

  bool until(const std::function<bool()>& reached) {
    auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(5);
    while (!reached() && std::chrono::steady_clock::now() < limit) stack->take_turn();
    return reached();
  }
  void turn(int times) {
    for (int i = 0; i < times; ++i) stack->take_turn();
  }
  std::unique_ptr<FstackStack> stack;
};

/// An address that a test's own socket has, as seen from F-Stack.
Address seen_from_fstack(const Address& address) {
  uint8_t ip[] = {10, 0, 0, 1};
  return *Address::from_ip(ip, address.port());
}

/// A listener of F-Stack's on a free port; `kernel` is where the kernel's clients reach it.
ListenSocket free_port(Address& kernel) {
  Address spare;
  Descriptor socket = listening(spare);
  uint16_t port = spare.port();
  socket.reset();
  uint8_t inside[] = {127, 0, 0, 2}, outside[] = {10, 0, 0, 2};
  kernel = *Address::from_ip(inside, port);
  return {.on_kernel = false, .address = *Address::from_ip(outside, port)};
}

/// A connection that a client of the kernel's has to a listener of F-Stack's.
struct Connection {
  explicit Connection(Fstack& fstack) {
    Address address;
    ListenSocket socket = free_port(address);
    listener = fstack.stack->listen(socket, door);
    CHECK(listener != nullptr);
    client = connected_to(address);
    CHECK(fstack.until([&] { return door.guests.size() == 1; }));
  }
  Recorder& guest() { return *door.guests[0]; }
  Stream& stream() { return *door.guests[0]->stream; }
  Door door;
  std::unique_ptr<Listener> listener;
  Descriptor client;
};

TEST("fstack: a listener takes connections, with the addresses that F-Stack knows") {
  Fstack fstack;
  Connection connection(fstack);
  CHECK_EQUAL(connection.stream().remote_address().text(false), "10.0.0.1");
  CHECK_EQUAL(connection.stream().local_address().text(false), "10.0.0.2");
  CHECK_EQUAL(connection.stream().kernel_descriptor(), -1);
  CHECK(send_all_now(connection.client, "hello"));
  CHECK(fstack.until([&] { return connection.guest().data == "hello"; }));
}

TEST("fstack: an address that is taken is an error with its reason") {
  Fstack fstack;
  Address address;
  ListenSocket socket = free_port(address);
  Door door;
  auto first = fstack.stack->listen(socket, door);
  errno = 0;
  CHECK(fstack.stack->listen(socket, door) == nullptr);
  CHECK_EQUAL(errno, EADDRINUSE);
}

TEST("fstack: what several writes queued arrives in order, though writev() uses up its iovecs") {
  Fstack fstack;
  Connection connection(fstack);
  std::string pieces[20], all;
  for (size_t i = 0; i < std::size(pieces); ++i) {
    pieces[i] = std::string(20'000, char('a' + i));
    all += pieces[i];
  }
  for (const std::string& piece : pieces) connection.stream().write(piece);
  std::string received;
  CHECK(fstack.until([&] {
    received += receive_now(connection.client);
    return received.size() >= all.size();
  }));
  CHECK(received == all);
}

TEST("fstack: a full socket says when it has room, and only then") {
  Fstack fstack;
  Connection connection(fstack);
  std::string much(8 * 1024 * 1024, 'x');
  connection.stream().write(much);
  connection.stream().flush();
  CHECK(connection.stream().unsent() > 0);
  fstack.turn(50);
  CHECK_EQUAL(connection.guest().writables, 0);
  size_t received = 0;
  CHECK(fstack.until([&] {
    received += receive_now(connection.client).size();
    return received == much.size();
  }));
  CHECK(fstack.until([&] { return connection.guest().writables > 0; }));
}

TEST("fstack: a file is sent without sendfile()") {
  Fstack fstack;
  Connection connection(fstack);
  std::string content;
  for (int i = 0; content.size() < 300'000; ++i) content += std::to_string(i) + '\n';
  Descriptor file(::memfd_create("content", MFD_CLOEXEC));
  CHECK_EQUAL(::pwrite(file.get(), content.data(), content.size(), 0), ssize_t(content.size()));
  connection.stream().write(std::string_view("head:"));
  connection.stream().write_file(std::make_shared<SharedFile>(std::move(file)), 100,
                                 content.size() - 200);
  std::string wanted = "head:" + content.substr(100, content.size() - 200), received;
  CHECK(fstack.until([&] {
    received += receive_now(connection.client);
    return received.size() >= wanted.size();
  }));
  CHECK(received == wanted);
}

TEST("fstack: a FIN is the end of reading, not of the connection: what came before it is read") {
  Fstack fstack;
  Connection connection(fstack);
  CHECK(send_all_now(connection.client, "last words"));
  ::shutdown(connection.client.get(), SHUT_WR);
  CHECK(fstack.until([&] { return connection.guest().ended; }));
  CHECK_EQUAL(connection.guest().data, "last words");
  CHECK_EQUAL(connection.guest().error, 0);
  connection.stream().write(std::string_view("answer"));
  std::string received;
  CHECK(fstack.until([&] { return (received += receive_now(connection.client)) == "answer"; }));
}

TEST("fstack: a reset is an error, once") {
  Fstack fstack;
  Connection connection(fstack);
  linger reset = {1, 0};
  ::setsockopt(connection.client.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  connection.client.reset();
  CHECK(fstack.until([&] { return connection.guest().error != 0; }));
  CHECK_EQUAL(connection.guest().error, ECONNRESET);
  CHECK_EQUAL(connection.guest().order, "X");
}

TEST("fstack: a refused connection is ECONNREFUSED, though SO_ERROR says 61") {
  Fstack fstack;
  Address address;
  listening(address).reset();
  Recorder client;
  int error = -1;
  client.take(fstack.stack->connect(seen_from_fstack(address), {}, client, error));
  CHECK_EQUAL(error, 0);
  CHECK(fstack.until([&] { return client.error != 0; }));
  CHECK_EQUAL(client.error, ECONNREFUSED);
  CHECK(!client.connected);
}

TEST("fstack: FreeBSD's error numbers are this system's") {
  CHECK_EQUAL(errno_from_freebsd(0), 0);
  CHECK_EQUAL(errno_from_freebsd(32), EPIPE);
  CHECK_EQUAL(errno_from_freebsd(35), EAGAIN);
  CHECK_EQUAL(errno_from_freebsd(54), ECONNRESET);
  CHECK_EQUAL(errno_from_freebsd(60), ETIMEDOUT);
  CHECK_EQUAL(errno_from_freebsd(61), ECONNREFUSED);
  CHECK_EQUAL(errno_from_freebsd(65), EHOSTUNREACH);
  CHECK_EQUAL(errno_from_freebsd(11), EDEADLK);
  CHECK_EQUAL(errno_from_freebsd(1000), EIO);
}

TEST("fstack: a stream that the first of its two events closes doesn't hear the second") {
  Fstack fstack;
  Connection connection(fstack);
  // Both filters of the socket are active: it has no room, and its peer's words are there.
  std::string much(8 * 1024 * 1024, 'x');
  connection.stream().write(much);
  connection.stream().flush();
  Recorder& guest = connection.guest();
  guest.on_bytes = [&](auto) { guest.stream.reset(); };
  CHECK(send_all_now(connection.client, "bye"));
  while (!receive_now(connection.client).empty()) {
  }
  CHECK(fstack.until([&] { return guest.stream == nullptr; }));
  fstack.turn(10);
  CHECK_EQUAL(guest.writables, 0);
  CHECK_EQUAL(guest.error, 0);
}

TEST("fstack: sockets and descriptors of the same number don't take each other's place") {
  Fstack fstack;
  Connection connection(fstack);
  Address address;
  Descriptor origin = listening(address);
  Recorder inner;
  int error = 0;
  // Loopback is the kernel's, whoever asks.
  inner.take(fstack.stack->connect(address, {}, inner, error));
  CHECK(fstack.until([&] { return inner.connected; }));
  CHECK(inner.stream->kernel_descriptor() >= 0);
  Descriptor accepted(::accept4(origin.get(), nullptr, nullptr, SOCK_NONBLOCK));
  CHECK(send_all_now(accepted, "from the kernel"));
  CHECK(send_all_now(connection.client, "from F-Stack"));
  CHECK(fstack.until([&] { return !inner.data.empty() && !connection.guest().data.empty(); }));
  CHECK_EQUAL(inner.data, "from the kernel");
  CHECK_EQUAL(connection.guest().data, "from F-Stack");
  connection.guest().stream.reset();
  CHECK(send_all_now(accepted, ", still"));
  CHECK(fstack.until([&] { return inner.data == "from the kernel, still"; }));
}

TEST("fstack: listeners and upstreams that are marked for the kernel are the kernel's") {
  Fstack fstack;
  Address address;
  Descriptor socket = listening(address);
  Door door;
  auto listener = fstack.stack->listen({socket.get()}, door);
  Descriptor client = connected_to(address);
  CHECK(fstack.until([&] { return door.guests.size() == 1; }));
  CHECK(door.guests[0]->stream->kernel_descriptor() >= 0);
  CHECK_EQUAL(test::open_in_double(), 0u);
}

TEST("fstack: the kernel's events come while F-Stack is busy") {
  Fstack fstack;
  Connection connection(fstack);
  connection.guest().on_bytes = [&](std::span<const char> bytes) {
    connection.stream().write(bytes);
  };
  Descriptor event(::eventfd(0, EFD_NONBLOCK));
  bool told = false;
  fstack.stack->watch(
      event.get(), [](void* flag) { *static_cast<bool*>(flag) = true; }, &told);
  uint64_t one = 1;
  CHECK_EQUAL(::write(event.get(), &one, sizeof one), ssize_t(sizeof one));
  CHECK(fstack.until([&] {
    send_all_now(connection.client, "ping");
    receive_now(connection.client);
    return told;
  }));
}

TEST("fstack: nothing waits unless idle sleep is on, and then no longer than it says") {
  using Milliseconds = std::chrono::duration<double, std::milli>;
  auto time_of_turns = [](uint32_t idle_sleep_us, int turns) {
    Fstack fstack(idle_sleep_us);
    fstack.turn(20);
    auto start = std::chrono::steady_clock::now();
    fstack.turn(turns);
    return Milliseconds(std::chrono::steady_clock::now() - start).count();
  };
  // 20 sleeps of 2 ms cannot take less; without them there is next to nothing to do.
  CHECK(time_of_turns(2000, 20) >= 39);
  CHECK(time_of_turns(0, 20) < 39);
}

TEST("fstack: an event of the kernel's ends an idle sleep") {
  Fstack fstack(5'000'000);
  fstack.turn(8);
  Descriptor event(::eventfd(0, EFD_NONBLOCK));
  bool told = false;
  fstack.stack->watch(
      event.get(), [](void* flag) { *static_cast<bool*>(flag) = true; }, &told);
  std::thread ringer([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    uint64_t one = 1;
    [[maybe_unused]] ssize_t written = ::write(event.get(), &one, sizeof one);
  });
  CHECK(fstack.until([&] { return told; }));
  ringer.join();
}

TEST("fstack: a paused listener leaves connections waiting") {
  Fstack fstack;
  Address address;
  ListenSocket socket = free_port(address);
  Door door;
  auto listener = fstack.stack->listen(socket, door);
  door.on_guest = [&] { listener->pause(); };
  Descriptor first = connected_to(address), second = connected_to(address);
  CHECK(fstack.until([&] { return door.guests.size() == 1; }));
  fstack.turn(50);
  CHECK_EQUAL(door.guests.size(), 1u);
  door.on_guest = nullptr;
  listener->resume();
  CHECK(fstack.until([&] { return door.guests.size() == 2; }));
}

TEST("fstack: an acceptor may close its listener") {
  Fstack fstack;
  Address address;
  ListenSocket socket = free_port(address);
  Door door;
  auto listener = fstack.stack->listen(socket, door);
  door.on_guest = [&] { listener.reset(); };
  Descriptor first = connected_to(address), second = connected_to(address);
  CHECK(fstack.until([&] { return door.guests.size() == 1; }));
  fstack.turn(20);
  CHECK_EQUAL(door.guests.size(), 1u);
}

struct Box : DatagramSocket::Consumer {
  void on_datagram(const Datagram& datagram) override {
    texts.emplace_back(reinterpret_cast<const char*>(datagram.bytes.data()), datagram.bytes.size());
    remotes.push_back(datagram.remote);
    locals.push_back(datagram.local);
    if (on_text) on_text();
  }
  void on_room() override {}
  std::vector<std::string> texts;
  std::vector<Address> remotes, locals;
  std::function<void()> on_text;
};

TEST("fstack: datagrams come with their addresses, and a train leaves as its datagrams") {
  Fstack fstack({Address::parse("10.0.0.2"), Address::parse("10.0.0.3")});
  Address address;
  ListenSocket listen = free_port(address);
  uint16_t port = listen.address.port();
  listen.address = *Address::parse("0.0.0.0", port);
  Box box;
  auto socket = fstack.stack->open_datagrams(listen, box);
  CHECK(socket != nullptr);
  Descriptor client(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0));
  Address asked = *Address::parse("127.0.0.3", port);
  CHECK_EQUAL(::connect(client.get(), asked.data(), asked.size()), 0);
  CHECK(send_all_now(client, "hello"));
  CHECK(fstack.until([&] { return !box.texts.empty(); }));
  CHECK_EQUAL(box.texts[0], "hello");
  CHECK_EQUAL(box.remotes[0].text(false), "10.0.0.1");
  CHECK_EQUAL(box.locals[0].text(false), "10.0.0.3");

  std::string_view train = "aaabbbcc";
  std::span<uint8_t> room = socket->prepare(train.size());
  std::ranges::copy(train, room.begin());
  socket->commit(train.size(), {box.remotes[0], box.locals[0], Ecn::not_ect, 3});
  std::vector<std::string> answers;
  CHECK(fstack.until([&] {
    // The client is connected: it hears only from the address that it asked.
    char bytes[16];
    ssize_t size = ::recv(client.get(), bytes, sizeof bytes, 0);
    if (size > 0) answers.emplace_back(bytes, size_t(size));
    return answers.size() == 3;
  }));
  CHECK(answers == std::vector<std::string>({"aaa", "bbb", "cc"}));
}

TEST("fstack: what a datagram brings about may close its socket") {
  Fstack fstack;
  Address address;
  ListenSocket listen = free_port(address);
  Box box;
  auto socket = fstack.stack->open_datagrams(listen, box);
  box.on_text = [&] { socket.reset(); };
  Descriptor client(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0));
  CHECK_EQUAL(::connect(client.get(), address.data(), address.size()), 0);
  CHECK(send_all_now(client, "one"));
  CHECK(send_all_now(client, "two"));
  CHECK(fstack.until([&] { return !box.texts.empty(); }));
  fstack.turn(10);
  CHECK_EQUAL(box.texts.size(), 1u);
}

TEST("fstack: what closed streams have queued reaches the peer before the end") {
  Fstack fstack;
  Connection connection(fstack);
  std::string much(400'000, 'y');
  connection.stream().write(much);
  connection.stream().flush();
  bool all_taken = connection.stream().unsent() == 0;
  connection.guest().stream.reset();
  connection.listener.reset();
  std::string received;
  std::thread client([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    char bytes[65536];
    ::fcntl(connection.client.get(), F_SETFL, 0);
    for (ssize_t size; (size = ::read(connection.client.get(), bytes, sizeof bytes)) > 0;) {
      received.append(bytes, size_t(size));
    }
  });
  fstack.stack->stop_when_delivered();
  fstack.stack->run();
  client.join();
  if (all_taken) CHECK_EQUAL(received.size(), much.size());
  CHECK(!received.empty());
}

TEST("fstack: streams that outlive it may be closed, and fail") {
  Fstack fstack;
  Connection connection(fstack);
  fstack.stack->stop();
  fstack.stack->run();
  connection.stream().write(std::string_view("too late"));
  connection.stream().flush();
  connection.guest().stream.reset();
  connection.listener.reset();
  Recorder client;
  int error = 0;
  Address peer = *Address::parse("10.0.0.1:80");
  CHECK(fstack.stack->connect(peer, {}, client, error) == nullptr);
  CHECK_EQUAL(error, ENETDOWN);
}

}  // namespace
}  // namespace sluice::net
