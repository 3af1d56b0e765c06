#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <functional>
#include <memory>
#include <unordered_map>

#include "base/mailbox.h"
#include "net/fstack_stack.h"
#include "sockets/endpoint.h"
#include "sockets/messages.h"

namespace sluice::sockets {

class Connection;
class TcpListener;

/// The data thread of a program that serves from JavaScript: sockets over the same Stack that a
/// proxy's are on. News go in batches of bounded size, one at a time: the next one waits until
/// JavaScript has taken the last, and what it would say waits where it came from.
class SocketThread final : private net::Stack::TurnObserver {
 public:
  /// Takes a batch to JavaScript.
  using Deliver = std::function<void(Batch&&)>;

  /// Null where the process has no descriptor left.
  static std::shared_ptr<SocketThread> create(std::unique_ptr<net::FstackStack> stack,
                                              Deliver deliver);
  SocketThread(std::unique_ptr<net::FstackStack> stack, Deliver deliver);
  ~SocketThread();

  /// Until it is told to stop.
  void run();

  /// From JavaScript's thread.
  void post(Order order) { orders_.post(std::move(order)); }
  /// From any thread: as of its last turn.
  Totals totals() const;

  // --- For its sockets ---
  net::Stack& stack() { return *stack_; }
  void has_news(Endpoint& endpoint);
  /// A listener has a connection.
  void accepted(TcpListener& listener, net::StreamPtr stream);
  /// It has gone.
  void departed(Number listener);

  /// This thread's own; those of datagrams come from the sockets, those of packets from the stack.
  Totals counted;

 private:
  static constexpr size_t batch_bytes = 1024 * 1024;

  void obey(Order& order);
  void open(std::unique_ptr<Endpoint> endpoint, Order& order);
  void close_all();
  void stop(bool at_once);
  void on_turn_end() override;
  void tell();
  void publish();

  std::unique_ptr<net::FstackStack> stack_;
  Deliver deliver_;
  Mailbox<Order, 256> orders_;
  std::unordered_map<Number, std::unique_ptr<Endpoint>> endpoints_;
  IntrusiveList<Endpoint, EndpointsWithNews> with_news_;
  Number last_accepted_ = 0;
  bool under_way_ = false;  ///< a batch that was not taken yet
  bool stopped_ = false;
  std::array<std::atomic<uint64_t>, sizeof(Totals) / sizeof(uint64_t)> published_ = {};
};

}  // namespace sluice::sockets
