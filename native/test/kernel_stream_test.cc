#include "net/kernel_stream.h"

#include <linux/tcp.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "test/check.h"
#include "test/loop.h"

namespace sluice::net {
namespace {

using test::Loop;
using test::receive_now;
using test::Recorder;
using test::send_all_now;

const Address nowhere = *Address::parse("127.0.0.1:1");

/// A stream on one end of a connection, and the other end.
struct Connection {
  explicit Connection(Loop& loop, test::Pair pair = test::tcp_pair())
      : peer(std::move(pair.theirs)) {
    recorder.take(loop.stack->adopt(std::move(pair.ours), nowhere));
  }
  Stream& stream() { return *recorder.stream; }
  Descriptor peer;
  Recorder recorder;
};

std::string pattern(size_t size) {
  std::string text(size, '\0');
  for (size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + i * 7 % 26 + i / 4096 % 3);
  return text;
}

void reset_peer(Descriptor& peer) {
  linger hard = {1, 0};
  ::setsockopt(peer.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
  peer.reset();
}

/// Segments that a socket has been sent, those with nothing but an ACK or FIN among them.
uint32_t segments_received(const Descriptor& socket) {
  tcp_info info = {};
  socklen_t size = sizeof info;
  ::getsockopt(socket.get(), IPPROTO_TCP, TCP_INFO, &info, &size);
  return info.tcpi_segs_in;
}

TEST("stream: bytes come as they were sent, then the end; writing goes on") {
  Loop loop;
  Connection c(loop);
  CHECK(send_all_now(c.peer, "hello"));
  ::shutdown(c.peer.get(), SHUT_WR);
  CHECK(loop.until([&] { return c.recorder.ended; }));
  CHECK_EQUAL(c.recorder.data, "hello");
  c.stream().write(std::string_view("answer"));
  CHECK(loop.until([&] { return c.stream().unsent() == 0; }));
  CHECK_EQUAL(receive_now(c.peer), "answer");
}

TEST("stream: no read is larger than the read size, and nothing is lost") {
  Loop loop;
  Connection c(loop);
  c.stream().set_read_size(1000);
  std::string sent = pattern(100000);
  CHECK(send_all_now(c.peer, sent));
  CHECK(loop.until([&] { return c.recorder.data.size() == sent.size(); }));
  CHECK(c.recorder.data == sent);
  for (size_t size : c.recorder.reads) CHECK(size <= 1000);
}

TEST("stream: pausing inside on_data delivers nothing more, resuming reads what was left") {
  Loop loop;
  Connection c(loop);
  c.stream().set_read_size(10);
  c.recorder.on_bytes = [&](auto) { c.stream().pause_reading(); };
  CHECK(send_all_now(c.peer, pattern(25)));
  loop.for_ms(20);
  CHECK_EQUAL(c.recorder.data.size(), 10u);
  c.stream().resume_reading();
  loop.for_ms(20);
  CHECK_EQUAL(c.recorder.data.size(), 20u);
  c.stream().resume_reading();
  loop.for_ms(20);
  CHECK(c.recorder.data == pattern(25));
}

TEST("stream: bytes and the end that came while it was paused are told on resuming") {
  Loop loop;
  Connection c(loop);
  c.stream().pause_reading();
  CHECK(send_all_now(c.peer, "late"));
  c.peer.reset();
  loop.for_ms(20);
  CHECK_EQUAL(c.recorder.data, "");
  CHECK(!c.recorder.ended);
  c.stream().resume_reading();
  CHECK(loop.until([&] { return c.recorder.ended; }));
  CHECK_EQUAL(c.recorder.data, "late");
}

TEST("stream: the end is told once the consumer that paused at the last bytes resumes") {
  Loop loop;
  Connection c(loop);
  c.recorder.on_bytes = [&](auto) { c.stream().pause_reading(); };
  CHECK(send_all_now(c.peer, "last"));
  c.peer.reset();
  loop.for_ms(20);
  CHECK_EQUAL(c.recorder.data, "last");
  CHECK(!c.recorder.ended);
  c.stream().resume_reading();
  CHECK(loop.until([&] { return c.recorder.ended; }));
}

TEST("stream: a reset is an error") {
  Loop loop;
  Connection c(loop, test::tcp_pair());
  reset_peer(c.peer);
  CHECK(loop.until([&] { return c.recorder.error != 0; }));
  CHECK_EQUAL(c.recorder.error, ECONNRESET);
  CHECK_EQUAL(c.recorder.order, "X");
}

TEST("stream: a reset after the peer's end is an error too") {
  Loop loop;
  Connection c(loop);
  ::shutdown(c.peer.get(), SHUT_WR);
  CHECK(loop.until([&] { return c.recorder.ended; }));
  c.stream().write(std::string_view("unread"));
  loop.for_ms(10);
  reset_peer(c.peer);
  CHECK(loop.until([&] { return c.recorder.error != 0; }));
  CHECK_EQUAL(c.recorder.order, "EX");
}

TEST("stream: an early answer is heard before the failure of writing to who has gone") {
  Loop loop;
  Connection c(loop, test::unix_pair());
  c.stream().pause_reading();
  CHECK(send_all_now(c.peer, "413"));
  c.peer.reset();
  c.stream().write(std::string_view("body"));
  c.stream().resume_reading();
  CHECK(loop.until([&] { return c.recorder.error != 0; }));
  CHECK_EQUAL(c.recorder.data, "413");
  CHECK_EQUAL(c.recorder.order, "EX");
}

TEST("stream: a slow reader gets every byte; borrowed memory may change after flush") {
  Loop loop;
  Connection c(loop);
  std::string wanted = pattern(8 << 20), borrowed = wanted;
  c.stream().write(borrowed);
  CHECK(c.stream().blocked());
  c.stream().flush();
  std::fill(borrowed.begin(), borrowed.end(), '!');
  CHECK(c.stream().unsent() > 0);
  std::string got;
  CHECK(loop.until([&] {
    got += receive_now(c.peer);
    return got.size() == wanted.size();
  }));
  CHECK(got == wanted);
  CHECK_EQUAL(c.recorder.writables, 1);
}

TEST("stream: on_writable comes even when all could be sent at once, but never within write") {
  Loop loop;
  Connection c(loop, test::unix_pair());
  std::string body = pattern(Stream::high_mark + 1);
  c.stream().write(body);
  CHECK(c.stream().blocked());
  CHECK_EQUAL(c.recorder.writables, 0);
  std::string got;
  CHECK(loop.until([&] {
    got += receive_now(c.peer);
    return c.recorder.writables == 1;
  }));
}

TEST("stream: a producer led by on_writable is bounded and gets all through") {
  Loop loop;
  Connection c(loop);
  std::string chunk = pattern(60000), got;
  int left = 200;
  size_t most = 0;
  auto produce = [&] {
    while (left > 0 && !c.stream().blocked()) {
      c.stream().write(chunk);
      --left;
      most = std::max(most, c.stream().unsent());
    }
  };
  c.recorder.on_room = produce;
  produce();
  CHECK(loop.until([&] {
    got += receive_now(c.peer);
    return got.size() == 200 * chunk.size();
  }));
  CHECK(most <= Stream::high_mark + chunk.size());
  CHECK(got.substr(199 * chunk.size()) == chunk);
}

TEST("stream: heads, files and tails leave in order") {
  for (bool tcp : {true, false}) {
    Loop loop;
    Connection c(loop, tcp ? test::tcp_pair() : test::unix_pair());
    std::string content = pattern(3 << 20);
    Descriptor memory(::memfd_create("file", 0));
    CHECK_EQUAL(::write(memory.get(), content.data(), content.size()), (ssize_t)content.size());
    auto file = std::make_shared<const SharedFile>(std::move(memory));
    std::string_view head = "head ", tail = " tail";
    std::span<char> room = c.stream().prepare(100);
    std::memcpy(room.data(), head.data(), head.size());
    c.stream().commit(head.size());
    c.stream().write_file(file, 10, content.size() - 10);
    c.stream().write(tail);
    std::string got, wanted = "head " + content.substr(10) + " tail";
    CHECK(loop.until([&] {
      got += receive_now(c.peer);
      return got.size() >= wanted.size();
    }));
    CHECK(got == wanted);
    CHECK_EQUAL(file.use_count(), 1);
  }
}

TEST("stream: a file that was cut short is an error, not a wait") {
  Loop loop;
  Connection c(loop);
  Descriptor memory(::memfd_create("file", 0));
  CHECK_EQUAL(::write(memory.get(), "abc", 3), 3);
  c.stream().write_file(std::make_shared<const SharedFile>(std::move(memory)), 0, 10);
  CHECK(loop.until([&] { return c.recorder.error != 0; }));
  CHECK_EQUAL(c.recorder.error, EIO);
}

TEST("stream: FIN goes out behind what is queued") {
  Loop loop;
  Connection c(loop);
  std::string body = pattern(4 << 20), got;
  c.stream().write(body);
  c.stream().shutdown_write();
  bool finished = false;
  CHECK(loop.until([&] {
    got += receive_now(c.peer);
    char byte;
    finished = ::recv(c.peer.get(), &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 0;
    return finished;
  }));
  CHECK(got == body);
}

TEST("stream: close sends what was just written, reset doesn't wait") {
  Loop loop;
  Connection polite(loop), rude(loop);
  polite.stream().write(std::string_view("bye"));
  polite.recorder.stream.reset();
  CHECK_EQUAL(receive_now(polite.peer), "bye");
  rude.recorder.stream.release()->reset();
  char byte;
  CHECK_EQUAL(::recv(rude.peer.get(), &byte, 1, 0), -1);
  CHECK_EQUAL(errno, ECONNRESET);
}

TEST("stream: two streams of one batch may close each other") {
  Loop loop;
  Connection a(loop), b(loop);
  a.recorder.on_bytes = [&](auto) { b.recorder.stream.reset(); };
  b.recorder.on_bytes = [&](auto) { a.recorder.stream.reset(); };
  CHECK(send_all_now(a.peer, "x"));
  CHECK(send_all_now(b.peer, "x"));
  loop.for_ms(20);
  CHECK_EQUAL(a.recorder.data.size() + b.recorder.data.size(), 1u);
}

TEST("stream: closing itself inside on_data is safe") {
  Loop loop;
  Connection c(loop);
  c.stream().set_read_size(4);
  c.recorder.on_bytes = [&](auto) { c.recorder.stream.reset(); };
  CHECK(send_all_now(c.peer, "more than one read"));
  loop.for_ms(20);
  CHECK_EQUAL(c.recorder.data, "more");
}

TEST("stream: a sender that never stops doesn't starve another") {
  Loop loop;
  Connection greedy(loop), modest(loop);
  std::string much = pattern(100000);
  size_t when = 0;
  greedy.recorder.on_bytes = [&](auto) {
    greedy.recorder.data.clear();
    receive_now(greedy.peer);
    send_all_now(greedy.peer, much);  // refilled as fast as it is read
  };
  modest.recorder.on_bytes = [&](auto) { when = greedy.recorder.reads.size(); };
  CHECK(send_all_now(greedy.peer, much));
  loop.for_ms(5);
  size_t before = greedy.recorder.reads.size();
  CHECK(send_all_now(modest.peer, "me too"));
  CHECK(loop.until([&] { return when != 0; }));
  CHECK(when - before < 200);
}

TEST("stream: addresses are those of the socket's ends") {
  Loop loop;
  Address address;
  Descriptor listener = test::listening(address);
  Recorder client;
  int error = 0;
  client.take(loop.stack->connect(address, {}, client, error));
  CHECK(loop.until([&] { return client.connected; }));
  CHECK(client.stream->remote_address() == address);
  CHECK_EQUAL(client.stream->local_address().text(false), "127.0.0.1");
  CHECK(client.stream->local_address().port() != 0);
}

TEST("stream: what is in no hurry goes with what is written next, or after a while") {
  Loop loop;
  Connection c(loop);
  auto queue = [&](std::string_view bytes) {
    std::ranges::copy(bytes, c.stream().prepare(bytes.size()).begin());
    c.stream().commit_unhurried(bytes.size());
  };
  queue("ticket, ");
  CHECK(send_all_now(c.peer, "?"));
  CHECK(loop.until([&] { return c.recorder.data == "?"; }));
  CHECK_EQUAL(receive_now(c.peer), "");
  uint32_t before = segments_received(c.peer);
  c.stream().write(std::string_view("answer"));
  c.stream().flush();
  CHECK_EQUAL(receive_now(c.peer), "ticket, answer");
  CHECK_EQUAL(segments_received(c.peer) - before, 1u);

  queue("another");
  CHECK(loop.until([&] { return c.stream().unsent() == 0; }));
  CHECK_EQUAL(receive_now(c.peer), "another");
}

TEST("stream: FIN comes with the last bytes when it is known that they are") {
  Loop loop;
  Connection c(loop);
  uint32_t before = segments_received(c.peer);
  c.stream().end_writing();
  c.stream().write(std::string_view("answer"));
  c.stream().flush();
  c.recorder.stream.reset();
  CHECK_EQUAL(receive_now(c.peer), "answer");
  char byte;
  CHECK_EQUAL(::recv(c.peer.get(), &byte, 1, MSG_DONTWAIT), 0);
  CHECK_EQUAL(segments_received(c.peer) - before, 1u);
}

}  // namespace
}  // namespace sluice::net
