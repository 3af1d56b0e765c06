#include <sys/socket.h>

#include <random>

#include "test/check.h"
#include "test/loop.h"

namespace sluice::net {
namespace {

using test::Loop;
using test::Recorder;

const Address nowhere = *Address::parse("127.0.0.1:1");

/// One direction of a proxy: what comes from `from` goes to `to`, which may hold it up.
struct Relay {
  Relay(Loop& loop, test::Pair source, test::Pair target, size_t total, unsigned seed)
      : client(std::move(source.theirs)), origin(std::move(target.theirs)), random(seed) {
    from.take(loop.stack->adopt(std::move(source.ours), nowhere));
    to.take(loop.stack->adopt(std::move(target.ours), nowhere));
    from.on_bytes = [this](std::span<const char> bytes) {
      from.data.clear();
      if (random() % 4 == 0) {
        std::span<char> room = to.stream->prepare(bytes.size());
        std::copy(bytes.begin(), bytes.end(), room.begin());
        to.stream->commit(bytes.size());
      } else {
        to.stream->write(bytes);
      }
      if (random() % 5 == 0) to.stream->flush();
      most = std::max(most, to.stream->unsent());
      if (to.stream->blocked()) from.stream->pause_reading();
    };
    to.on_room = [this] { from.stream->resume_reading(); };
    sent.resize(total);
    for (char& c : sent) c = static_cast<char>(random());
    from.stream->set_read_size(1 + random() % 100000);
  }

  /// The two ends send and receive a little; whether all has arrived.
  bool step() {
    size_t piece = std::min<size_t>(1 + random() % 50000, sent.size() - begun);
    if (random() % 3) {
      ssize_t size = ::send(client.get(), sent.data() + begun, piece, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (size > 0) begun += size;
    }
    if (random() % 2) {
      char buffer[40000];
      ssize_t size = ::recv(origin.get(), buffer, 1 + random() % sizeof(buffer), MSG_DONTWAIT);
      if (size > 0) got.append(buffer, size);
    }
    return got.size() >= sent.size();
  }

  Descriptor client, origin;
  Recorder from, to;
  std::string sent, got;
  size_t begun = 0, most = 0;
  std::mt19937 random;
};

TEST("relay: back-pressure passes through, and every byte arrives, whatever the pace") {
  Loop loop;
  std::vector<std::unique_ptr<Relay>> relays;
  for (unsigned i = 0; i < 12; ++i) {
    relays.push_back(std::make_unique<Relay>(loop, i % 2 ? test::tcp_pair() : test::unix_pair(),
                                             i % 3 ? test::tcp_pair() : test::unix_pair(),
                                             (i + 1) * 100000, i));
  }
  CHECK(loop.until([&] {
    bool all = true;
    for (auto& relay : relays) {
      for (int i = 0; i < 5; ++i) all &= relay->step();
    }
    return all;
  }));
  for (auto& relay : relays) {
    CHECK(relay->got == relay->sent);
    CHECK(relay->most <= Stream::high_mark + 100001);
  }
}

}  // namespace
}  // namespace sluice::net
