#include "net/splice.h"

#include <sys/socket.h>

#include <string>

#include "test/check.h"
#include "test/loop.h"

namespace sluice::net {
namespace {

using Result = SplicePump::Result;
using test::Loop;
using test::receive_now;
using test::Recorder;
using test::send_all_now;

const Address nowhere = *Address::parse("127.0.0.1:1");

TEST("splice: moves what there is, then waits for the source") {
  test::Pair from = test::tcp_pair(), to = test::tcp_pair();
  SplicePump pump(from.ours.get(), to.ours.get(), 10);
  CHECK(pump.pump() == Result::read_blocked);
  CHECK(send_all_now(from.theirs, "12345678"));
  CHECK(pump.pump() == Result::read_blocked);
  CHECK_EQUAL(receive_now(to.theirs), "12345678");
  CHECK_EQUAL(pump.remaining(), 2u);
  CHECK(send_all_now(from.theirs, "90next"));
  CHECK(pump.pump() == Result::done);
  CHECK_EQUAL(receive_now(to.theirs), "90");
  CHECK_EQUAL(receive_now(from.ours), "next");
  CHECK_EQUAL(pump.written(), 10u);
}

TEST("splice: a full target blocks, and the bytes in between aren't lost") {
  test::Pair from = test::unix_pair(), to = test::unix_pair();
  std::string sent, got, chunk(50000, 'x');
  SplicePump pump(from.ours.get(), to.ours.get(), SplicePump::until_end);
  Result result = Result::read_blocked;
  for (char c = 'a'; result != Result::write_blocked && c <= 'z'; ++c) {
    chunk.assign(chunk.size(), c);
    CHECK(send_all_now(from.theirs, chunk));
    sent += chunk;
    result = pump.pump();
  }
  CHECK(result == Result::write_blocked);
  CHECK(pump.read() > pump.written());
  from.theirs.reset();
  while (result != Result::ended) {
    got += receive_now(to.theirs);
    result = pump.pump();
    if (result != Result::write_blocked && result != Result::ended) break;
  }
  got += receive_now(to.theirs);
  CHECK(result == Result::ended);
  CHECK(got == sent);
}

TEST("splice: the end before all was moved shows in remaining()") {
  test::Pair from = test::tcp_pair(), to = test::tcp_pair();
  CHECK(send_all_now(from.theirs, "12345"));
  from.theirs.reset();
  SplicePump pump(from.ours.get(), to.ours.get(), 10);
  CHECK(pump.pump() == Result::ended);
  CHECK_EQUAL(pump.remaining(), 5u);
}

TEST("splice: a target that has gone is a failure to write") {
  test::Pair from = test::unix_pair(), to = test::unix_pair();
  CHECK(send_all_now(from.theirs, "12345"));
  to.theirs.reset();
  SplicePump pump(from.ours.get(), to.ours.get(), 5);
  CHECK(pump.pump() == Result::write_failed);
  CHECK_EQUAL(pump.error(), EPIPE);
}

TEST("splice: streams lead the pump between a fast source and a slow target") {
  Loop loop;
  test::Pair from = test::tcp_pair(), to = test::tcp_pair();
  Recorder source, target;
  source.take(loop.stack->adopt(std::move(from.ours), nowhere));
  target.take(loop.stack->adopt(std::move(to.ours), nowhere));
  constexpr size_t total = 16 << 20;
  SplicePump pump(source.stream->kernel_descriptor(), target.stream->kernel_descriptor(), total);
  bool done = false;
  auto step = [&] {
    if (done) return;
    switch (pump.pump()) {
      case Result::done:
        done = true;
        source.stream->read_directly(false);
        break;
      case Result::write_blocked:
        target.stream->await_room();
        break;
      case Result::yielded:
        source.stream->read_directly(true);
        break;
      case Result::read_blocked:
        break;
      default:
        test::fail(__FILE__, __LINE__, "the pump failed");
        done = true;
    }
  };
  source.on_direct = step;
  target.on_room = step;
  CHECK(source.stream->read_directly(true));

  std::string text(total + 3, '\0');
  for (size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * 31 >> 5);
  size_t sent = 0;
  std::string got;
  CHECK(loop.until([&] {
    ssize_t size = ::send(from.theirs.get(), text.data() + sent, text.size() - sent, MSG_DONTWAIT);
    if (size > 0) sent += size;
    if (loop.turns % 3 == 0) got += receive_now(to.theirs);
    return source.data.size() == 3 && got.size() == total;
  }));
  CHECK(got == text.substr(0, total));
  CHECK_EQUAL(source.data, text.substr(total));  // what follows is the stream's again
}

}  // namespace
}  // namespace sluice::net
