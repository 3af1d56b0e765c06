#pragma once

#include <string>

#include "base/timer.h"
#include "sockets/endpoint.h"

namespace sluice::sockets {

/// A TCP connection, with a window either way: what JavaScript hasn't read stops reading, and how
/// much of what it wrote is the stack's tells it when to write more.
class Connection final : public Endpoint, net::Stream::Consumer {
 public:
  /// `listener`: that it came by; 0: none.
  Connection(SocketThread& thread, Number number, const Options& options, Number listener = 0);
  ~Connection() override;

  /// A stream that came.
  void take(net::StreamPtr stream);

  void obey(Order& order) override;
  void tell(Batch& batch) override;

 private:
  static constexpr size_t largest_read = 64 * 1024;

  void connect(const net::Address& peer);
  void write(std::string& bytes);
  void consumed(uint64_t count);
  void await_data();
  void moved();
  void fail(int error);
  void time_out();

  void on_connected() override;
  void on_data(std::span<const char> data) override;
  void on_end() override;
  void on_writable() override;
  void on_error(int error) override { fail(error); }

  Options options_;
  Number listener_;
  net::StreamPtr stream_;
  net::Address remote_;
  net::Address local_;
  std::string inbound_;   ///< read, and not handed over yet
  uint64_t held_ = 0;     ///< bytes that JavaScript hasn't read: these, and what was handed over
  uint64_t written_ = 0;  ///< by JavaScript
  uint64_t sent_ = 0;     ///< of these; JavaScript has been told
  Timer timer_;
  int error_ = 0;
  bool open_ = false;
  bool ended_ = false;
  bool told_open_ = false;
  bool told_end_ = false;
};

}  // namespace sluice::sockets
