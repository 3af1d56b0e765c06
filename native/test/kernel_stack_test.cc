#include "net/kernel_stack.h"

#include <netinet/tcp.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <cerrno>
#include <vector>

#include "test/check.h"
#include "test/loop.h"

namespace sluice::net {
namespace {

using test::connected_to;
using test::Door;
using test::listening;
using test::Loop;
using test::receive_now;
using test::Recorder;
using test::send_all_now;

TEST("listener: connections are taken, with their peers' addresses") {
  Loop loop;
  Address address;
  Descriptor socket = listening(address);
  Door door;
  auto listener = loop.stack->listen({socket.get()}, door);
  std::vector<Descriptor> clients;
  for (int i = 0; i < 100; ++i) clients.push_back(connected_to(address));
  CHECK(send_all_now(clients[42], "hi"));
  CHECK(loop.until([&] { return door.guests.size() == 100; }));
  CHECK_EQUAL(door.guests[0]->stream->remote_address().text(false), "127.0.0.1");
  CHECK(door.guests[0]->stream->local_address() == address);
  CHECK(loop.until([&] { return door.guests[42]->data == "hi"; }));
}

TEST("listener: paused, it leaves connections waiting") {
  Loop loop;
  Address address;
  Descriptor socket = listening(address);
  Door door;
  auto listener = loop.stack->listen({socket.get()}, door);
  door.on_guest = [&] { listener->pause(); };
  Descriptor first = connected_to(address), second = connected_to(address);
  loop.for_ms(20);
  CHECK_EQUAL(door.guests.size(), 1u);
  listener->resume();
  CHECK(loop.until([&] { return door.guests.size() == 2; }));
}

TEST("listener: it may be destroyed by the connection it accepts, and its descriptor stays open") {
  Loop loop;
  Address address;
  Descriptor socket = listening(address);
  Door door;
  auto listener = loop.stack->listen({socket.get()}, door);
  door.on_guest = [&] { listener.reset(); };
  Descriptor first = connected_to(address), second = connected_to(address);
  loop.for_ms(20);
  CHECK_EQUAL(door.guests.size(), 1u);
  listener = loop.stack->listen({socket.get()}, door);
  CHECK(loop.until([&] { return door.guests.size() == 2; }));
}

bool has_no_delay(const Stream& stream) {
  int value = 0;
  socklen_t size = sizeof value;
  ::getsockopt(stream.kernel_descriptor(), IPPROTO_TCP, TCP_NODELAY, &value, &size);
  return value != 0;
}

TEST("listener: connections have TCP_NODELAY from the start, as long as they are to") {
  Loop loop;
  Address address;
  Descriptor socket = listening(address);
  Door door;
  for (bool wanted : {true, false}) {
    auto listener = loop.stack->listen({.descriptor = socket.get(), .no_delay = wanted}, door);
    Descriptor client = connected_to(address);
    size_t before = door.guests.size();
    CHECK(loop.until([&] { return door.guests.size() > before; }));
    Stream& stream = *door.guests.back()->stream;
    CHECK_EQUAL(has_no_delay(stream), wanted);
    for (bool on : {false, true}) {
      stream.set_no_delay(on);
      CHECK_EQUAL(has_no_delay(stream), on);
    }
  }
}

TEST("listener: out of descriptors, it says so and tries again half a second later") {
  Loop loop;
  Address address;
  Descriptor socket = listening(address);
  Door door;
  auto listener = loop.stack->listen({socket.get()}, door);
  Descriptor client = connected_to(address);
  rlimit usual, none;
  ::getrlimit(RLIMIT_NOFILE, &usual);
  none = usual;
  none.rlim_cur = static_cast<rlim_t>(client.get()) + 1;
  ::setrlimit(RLIMIT_NOFILE, &none);
  loop.for_ms(50);
  ::setrlimit(RLIMIT_NOFILE, &usual);
  CHECK_EQUAL(door.errors.size(), 1u);
  CHECK(!door.errors.empty() && door.errors[0] == EMFILE);
  CHECK(loop.until([&] { return door.guests.size() == 1; }));
}

TEST("connect: what was written before the connection is there goes out with it") {
  Loop loop;
  Address address;
  Descriptor socket = listening(address);
  Recorder client;
  int error = -1;
  client.take(loop.stack->connect(address, {}, client, error));
  CHECK_EQUAL(error, 0);
  CHECK(!client.connected);
  client.stream->write(std::string_view("early"));
  CHECK(loop.until([&] { return client.connected && client.stream->unsent() == 0; }));
  Descriptor server(::accept(socket.get(), nullptr, nullptr));
  CHECK_EQUAL(receive_now(server), "early");
}

TEST("connect: a refusal is an error, told later") {
  Loop loop;
  Address address;
  { Descriptor closed = listening(address); }
  Recorder client;
  int error = 0;
  client.take(loop.stack->connect(address, {}, client, error));
  CHECK_EQUAL(client.error, 0);
  CHECK(loop.until([&] { return client.error != 0; }));
  CHECK_EQUAL(client.error, ECONNREFUSED);
  CHECK(!client.connected);
}

TEST("connect: a unix socket that isn't there fails at once") {
  Loop loop;
  Recorder client;
  int error = 0;
  StreamPtr stream = loop.stack->connect(*Address::parse("unix:/nonexistent/s"), {}, client, error);
  CHECK(!stream);
  CHECK_EQUAL(error, ENOENT);
}

TEST("connect: leaves from the address it was bound to") {
  Loop loop;
  Address address, source = *Address::parse("127.0.0.9");
  Descriptor socket = listening(address);
  Recorder client;
  int error = 0;
  ConnectOptions options;
  options.bind = &source;
  options.keepalive = true;
  client.take(loop.stack->connect(address, options, client, error));
  CHECK(loop.until([&] { return client.connected; }));
  CHECK_EQUAL(client.stream->local_address().text(false), "127.0.0.9");
}

TEST("connect: while it lasts, nothing is told, and the loop sleeps") {
  Loop loop;
  Address address;
  Descriptor socket = listening(address);
  ::listen(socket.get(), 0);
  std::vector<std::unique_ptr<Recorder>> crowd;  // more than the queue takes: the last ones hang
  int error = 0;
  for (int i = 0; i < 5; ++i) {
    crowd.push_back(std::make_unique<Recorder>());
    crowd.back()->take(loop.stack->connect(address, {}, *crowd.back(), error));
    crowd.back()->stream->write(std::string_view("early"));
    crowd.back()->stream->shutdown_write();
  }
  loop.for_ms(20);
  int before = loop.turns;
  loop.for_ms(100);
  CHECK(loop.turns - before < 10);
  CHECK(!crowd.back()->connected);
  CHECK_EQUAL(crowd.back()->writables, 0);
  CHECK_EQUAL(crowd.back()->error, 0);
}

TEST("connect: over an abstract unix socket, both ways") {
  Loop loop;
  Address address = *Address::parse("unix:@sluice-test-" + std::to_string(::getpid()));
  Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  CHECK_EQUAL(::bind(socket.get(), address.data(), address.size()), 0);
  ::listen(socket.get(), 5);
  Door door;
  auto listener = loop.stack->listen({socket.get()}, door);
  Recorder client;
  int error = 0;
  client.take(loop.stack->connect(address, {}, client, error));
  client.stream->write(std::string_view("ping"));
  CHECK(loop.until([&] { return !door.guests.empty() && door.guests[0]->data == "ping"; }));
  CHECK_EQUAL(door.guests[0]->stream->remote_address().text(), "unix:");
  door.guests[0]->stream->write(std::string_view("pong"));
  CHECK(loop.until([&] { return client.data == "pong"; }));
}

TEST("stack: an eventfd wakes it") {
  Loop loop;
  Descriptor event(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  struct Wake {
    int descriptor;
    uint64_t sum = 0;
  } wake{event.get()};
  loop.stack->watch(
      event.get(),
      [](void* context) {
        Wake& wake = *static_cast<Wake*>(context);
        uint64_t value = 0;
        if (::read(wake.descriptor, &value, sizeof(value)) > 0) wake.sum += value;
      },
      &wake);
  uint64_t three = 3;
  CHECK_EQUAL(::write(event.get(), &three, sizeof(three)), (ssize_t)sizeof(three));
  CHECK(loop.until([&] { return wake.sum == 3; }));
}

TEST("stack: idle, it sleeps until a timer is due") {
  Loop loop;
  Address address;
  Descriptor socket = listening(address);
  Door door;
  auto listener = loop.stack->listen({socket.get()}, door);
  Descriptor client = connected_to(address);
  CHECK(loop.until([&] { return !door.guests.empty(); }));
  loop.for_ms(5);
  int before = loop.turns;
  loop.for_ms(200);
  CHECK(loop.turns - before <= 6);
}

}  // namespace
}  // namespace sluice::net
