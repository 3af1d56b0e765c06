#include "sockets/socket_thread.h"

#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>

#include "test/check.h"
#include "test/fstack_double.h"
#include "test/loop.h"

namespace sluice::sockets {
namespace {

using net::Address;
using test::connected_to;
using test::receive_now;
using test::send_all_now;
using OrderKind = Order::Kind;
using Kind = News::Kind;

/// A program that serves: the thread of its sockets over the double, and its own side of the
/// orders and news.
class Program {
 public:
  Program() {
    test::reset_fstack_double();
    std::promise<void> started;
    thread_ = std::thread([&] {
      auto deliver = [this](Batch&& batch) {
        const std::lock_guard lock(mutex_);
        batches_.push_back(std::move(batch));
        changed_.notify_one();
      };
      sockets = SocketThread::create(net::FstackStack::create(test::fstack_double(), {}), deliver);
      started.set_value();
      sockets->run();
      sockets.reset();
    });
    started.get_future().wait();
  }
  ~Program() { end(OrderKind::halt); }

  void end(OrderKind how) {
    if (!thread_.joinable()) return;
    sockets->post({.kind = how});
    thread_.join();
    test::reset_fstack_double();
  }

  /// The next batch, which is then taken unless `take` is off; empty after 5 s.
  Batch batch(bool take = true) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(5), [&] { return !batches_.empty(); });
    if (batches_.empty()) return {};
    Batch first = std::move(batches_.front());
    batches_.erase(batches_.begin());
    if (take) sockets->post({.kind = OrderKind::taken});
    return first;
  }
  bool quiet_for(int ms) {
    std::unique_lock lock(mutex_);
    return !changed_.wait_for(lock, std::chrono::milliseconds(ms),
                              [&] { return !batches_.empty(); });
  }
  /// The next news of the kind; others wait.
  News news(Kind kind) {
    for (;;) {
      for (size_t i = 0; i < waiting_.size(); ++i) {
        if (waiting_[i].kind != kind) continue;
        News found = std::move(waiting_[i]);
        waiting_.erase(waiting_.begin() + long(i));
        return found;
      }
      Batch more = batch();
      CHECK(!more.empty());
      if (more.empty()) return {.kind = kind, .socket = 0};
      for (News& each : more) waiting_.push_back(std::move(each));
    }
  }

  /// Listens as socket 1; where the kernel's clients reach it.
  Address listen(Options options) {
    Address address = spare();
    sockets->post({.kind = OrderKind::listen,
                   .socket = 1,
                   .address = outside(address.port()),
                   .options = options});
    CHECK_EQUAL(news(Kind::opened).socket, 1);
    return address;
  }
  static Address outside(uint16_t port) { return *Address::parse("10.0.0.2", port); }
  static Address spare() {
    Address address;
    Descriptor socket = test::listening(address);
    return *Address::parse("127.0.0.2", address.port());
  }

  std::shared_ptr<SocketThread> sockets;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Batch> batches_;
  Batch waiting_;
  std::thread thread_;
};

constexpr Options several = {.max_connections = 10, .window = 1000};

TEST("sockets: bytes come, and go, and the window bounds what is handed over") {
  Program program;
  Descriptor client = connected_to(program.listen(several));
  const News accepted = program.news(Kind::accepted);
  CHECK_EQUAL(accepted.value, 1);
  CHECK_EQUAL(accepted.socket, -1);
  CHECK_EQUAL(accepted.remote.text(false), "10.0.0.1");
  CHECK(send_all_now(client, std::string(5000, 'x')));
  size_t come = 0;
  while (come < 1000) come += program.news(Kind::data).bytes.size();
  CHECK_EQUAL(come, 1000u);
  CHECK(program.quiet_for(50));
  while (come < 5000) {
    program.sockets->post({.kind = OrderKind::consumed, .socket = -1, .count = 1000});
    come += program.news(Kind::data).bytes.size();
  }
  CHECK_EQUAL(come, 5000u);
  program.sockets->post({.kind = OrderKind::write, .socket = -1, .bytes = "answer"});
  CHECK_EQUAL(program.news(Kind::sent).value, 6);
  CHECK_EQUAL(receive_now(client), "answer");
  CHECK_EQUAL(program.sockets->totals().bytes_received, 5000u);
}

TEST("sockets: a batch waits until the one before was taken") {
  Program program;
  Descriptor client = connected_to(program.listen(several));
  CHECK_EQUAL(program.batch(false).size(), 1u);
  CHECK(send_all_now(client, "words"));
  client.reset();
  CHECK(program.quiet_for(50));
  program.sockets->post({.kind = OrderKind::taken});
  const Batch next = program.batch();
  CHECK_EQUAL(next.size(), 2u);
  CHECK_EQUAL(next.at(0).bytes, "words");
  CHECK(next.at(1).kind == Kind::end);
}

TEST("sockets: a connection that goes makes room for another") {
  Program program;
  const Address address = program.listen({.max_connections = 1, .window = 1000});
  Descriptor first = connected_to(address), second = connected_to(address);
  CHECK_EQUAL(program.news(Kind::accepted).socket, -1);
  CHECK(program.quiet_for(50));
  program.sockets->post({.kind = OrderKind::reset, .socket = -1});
  CHECK_EQUAL(program.news(Kind::accepted).socket, -2);
  CHECK_EQUAL(program.sockets->totals().connections, 1u);
}

TEST("sockets: an end with all of it open; what was written arrives") {
  Program program;
  const Address address = program.listen(several);
  Descriptor first = connected_to(address), second = connected_to(address);
  program.news(Kind::accepted);
  program.news(Kind::accepted);
  program.sockets->post({.kind = OrderKind::write, .socket = -1, .bytes = "last words"});
  program.sockets->post({.kind = OrderKind::write, .socket = -2, .bytes = "last words"});
  program.end(OrderKind::stop);
  CHECK_EQUAL(receive_now(first), "last words");
  CHECK_EQUAL(receive_now(second), "last words");
}

TEST("sockets: an idle connection fails, and orders for it mean nothing from then on") {
  Program program;
  Descriptor client =
      connected_to(program.listen({.max_connections = 1, .window = 1000, .idle_timeout_ms = 20}));
  const News failed = program.news(Kind::failed);
  CHECK_EQUAL(failed.socket, -1);
  CHECK_EQUAL(failed.value, ETIMEDOUT);
  for (OrderKind kind : {OrderKind::write, OrderKind::consumed, OrderKind::finish, OrderKind::close,
                         OrderKind::write}) {
    program.sockets->post({.kind = kind, .socket = -1, .count = 5, .bytes = "late"});
  }
  CHECK(program.quiet_for(20));
}

TEST("sockets: datagrams that nobody takes are dropped and counted") {
  Program program;
  const Address address = Program::spare();
  program.sockets->post({.kind = OrderKind::bind,
                         .socket = 1,
                         .address = Program::outside(address.port()),
                         .options = {.window = 3 * (sizeof(News) + 10)}});
  CHECK(program.batch(false).at(0).kind == Kind::opened);
  Descriptor client(::socket(AF_INET, SOCK_DGRAM, 0));
  CHECK_EQUAL(::connect(client.get(), address.data(), address.size()), 0);
  for (int i = 0; i < 5; ++i) CHECK(send_all_now(client, "0123456789"));
  for (int i = 0; i < 500 && program.sockets->totals().datagrams_received < 5; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  program.sockets->post({.kind = OrderKind::taken});
  const Batch batch = program.batch();
  CHECK_EQUAL(batch.size(), 4u);
  CHECK_EQUAL(batch.at(2).bytes, "0123456789");
  CHECK(batch.at(3).kind == Kind::dropped);
  CHECK_EQUAL(batch.at(3).value, 2);
  program.sockets->post(
      {.kind = OrderKind::send, .socket = 1, .bytes = "answer", .address = batch.at(0).remote});
  char bytes[16];
  CHECK_EQUAL(::recv(client.get(), bytes, sizeof bytes, 0), 6);
}

}  // namespace
}  // namespace sluice::sockets
