#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "net/kernel_stack.h"

/// What tests of the stack need: a loop that ends, consumers that remember, and sockets on the
/// other side.
namespace sluice::test {

class Loop : net::Stack::TurnObserver {
 public:
  Loop() {
    stack->observe_turns(*this);
    limit_.bind<&Loop::give_up>(this);
    tick_.bind<&Loop::look_again>(this);
  }
  /// Runs until `reached` holds at the end of a turn, or 5 s have passed; whether it held.
  bool until(std::function<bool()> reached) {
    reached_ = std::move(reached);
    if (reached_()) return true;
    limit_.set(5000);
    tick_.set(1);
    stack->run();
    limit_.cancel();
    tick_.cancel();
    return reached_();
  }
  void for_ms(uint64_t ms) {
    reached_ = [] { return false; };
    limit_.set(ms);
    stack->run();
  }

  std::unique_ptr<net::KernelStack> stack = net::KernelStack::create();
  int turns = 0;

 private:
  void on_turn_end() override {
    ++turns;
    if (reached_ && reached_()) stack->stop();
  }
  void give_up() { stack->stop(); }

  /// What the test itself brings about is no event.
  void look_again() { tick_.set(1); }

  Timer limit_;
  Timer tick_;
  std::function<bool()> reached_;
};

/// Remembers what a stream told; `on_bytes` and `on_room` may do more.
class Recorder : public net::Stream::Consumer {
 public:
  void take(net::StreamPtr given) {
    stream = std::move(given);
    stream->set_consumer(*this);
  }
  void on_connected() override { connected = true; }
  void on_data(std::span<const char> bytes) override {
    data.append(bytes.data(), bytes.size());
    reads.push_back(bytes.size());
    if (on_bytes) on_bytes(bytes);
  }
  void on_readable() override {
    ++readables;
    if (on_direct) on_direct();
  }
  void on_end() override {
    ended = true;
    order += 'E';
  }
  void on_writable() override {
    ++writables;
    if (on_room) on_room();
  }
  void on_error(int number) override {
    error = number;
    order += 'X';
    stream.reset();
  }

  net::StreamPtr stream;
  std::string data;
  std::vector<size_t> reads;
  bool connected = false;
  bool ended = false;
  int error = 0;
  int writables = 0;
  int readables = 0;
  std::string order;
  std::function<void(std::span<const char>)> on_bytes;
  std::function<void()> on_room;
  std::function<void()> on_direct;
};

/// Takes whoever comes, and remembers them.
struct Door : net::Listener::Acceptor {
  void on_accept(net::StreamPtr stream) override {
    guests.push_back(std::make_unique<Recorder>());
    guests.back()->take(std::move(stream));
    if (on_guest) on_guest();
  }
  void on_accept_error(int number) override { errors.push_back(number); }

  std::vector<std::unique_ptr<Recorder>> guests;
  std::vector<int> errors;
  std::function<void()> on_guest;
};

/// Two connected sockets of the kernel: the stack gets one, the test keeps the other.
struct Pair {
  Descriptor ours;
  Descriptor theirs;
};
Pair tcp_pair();
Pair unix_pair();
/// A listening TCP socket on a free port of 127.0.0.1.
Descriptor listening(net::Address& address);
Descriptor connected_to(const net::Address& address);

/// What the socket has for us now, without waiting.
std::string receive_now(const Descriptor& socket);
bool send_all_now(const Descriptor& socket, std::string_view bytes);

}  // namespace sluice::test
