#pragma once

#include <sys/uio.h>

#include <memory>
#include <span>

#include "base/intrusive_list.h"
#include "net/out_queue.h"
#include "net/stack.h"

namespace sluice::net {

/// A connected (or connecting) socket that its stack announces edge-triggered: all of a Stream but
/// the calls to the socket itself, which each stack has of its own.
class SocketStream : public Stream,
                     public ListHook<struct ToFlush>,
                     public ListHook<struct ToVisit> {
 public:
  /// The largest read, and what one stream may read before others get their turn.
  static constexpr size_t max_read = 256 * 1024;

  ~SocketStream() override = default;

  void set_consumer(Consumer& consumer) override { consumer_ = &consumer; }

  void write(std::span<const char> bytes) override;
  std::span<char> prepare(size_t size) override { return queue_.prepare(size); }
  void commit(size_t size) override;
  void commit_unhurried(size_t size) override;
  void write_file(FileRef file, uint64_t offset, uint64_t length) override;
  void flush() override;
  size_t unsent() const override { return queue_.size(); }
  uint64_t last_sent_ms() const override { return last_sent_ms_; }

  void pause_reading() override { paused_ = true; }
  void resume_reading() override;
  void set_read_size(size_t size) override;
  bool read_directly(bool on) override;
  void await_room() override;

  void end_writing() override { ending_ = true; }
  void shutdown_write() override;
  void close() override;
  void reset() override;

  const Address& remote_address() const override { return remote_; }
  const Address& local_address() override;

 protected:
  SocketStream(Turn& turn, const Address& remote, bool connecting)
      : turn_(turn), remote_(remote), connecting_(connecting), full_(connecting) {}

  /// What epoll(7) would say of the socket: EPOLLIN, EPOLLOUT, EPOLLRDHUP, EPOLLERR, EPOLLHUP.
  void handle_events(uint32_t events);

  static constexpr size_t max_burst = 2 * 1024 * 1024;

 private:
  friend class Turn;

  // The socket's own calls; those that can fail return -1 with an errno of this system.

  /// As recv().
  virtual ssize_t receive(std::span<char> room) = 0;
  /// Less than the whole means that the socket is full and will announce its room. `more` follows
  /// at once. May change `pieces`.
  virtual ssize_t transmit(std::span<iovec> pieces, bool more) = 0;
  /// Up to max_burst of it; 0 when the file is shorter than that.
  virtual ssize_t transmit_file(const OutQueue::FilePart& part) = 0;
  virtual void finish_transmitting() = 0;
  /// SO_ERROR.
  virtual int take_error() = 0;
  /// As getsockname().
  virtual Address find_local_address() = 0;
  virtual void close_with_reset() = 0;
  virtual void close_socket() = 0;

  static constexpr size_t low_mark = 16 * 1024;

  void queued();
  void send();
  ssize_t send_memory();
  void fail(int error);
  void settle();
  bool owes_writable() const;
  void visit();
  void visit_later();
  void read();
  bool handle_connected(uint32_t events);
  void report_error();
  void report_end();

  Turn& turn_;
  Consumer* consumer_ = nullptr;
  OutQueue queue_;
  Address remote_;
  std::unique_ptr<Address> local_;
  uint64_t last_sent_ms_ = 0;
  uint32_t read_size_ = 16 * 1024;
  int error_ = 0;  ///< what the socket failed with

  bool connecting_ : 1;
  bool closed_ : 1 = false;
  bool ending_ : 1 = false;  ///< FIN goes with the last bytes, not behind them
  bool paused_ : 1 = false;
  bool direct_ : 1 = false;    ///< the consumer reads from the descriptor
  bool readable_ : 1 = false;  ///< the socket may hold bytes or its end; no new event will say so
  bool finished_ : 1 = false;  ///< the peer's FIN has arrived: nothing comes after what is there
  bool emptied_ : 1 = false;   ///< and it has been: on_end() is next
  bool broken_ : 1 =
      false;  ///< an error or hang-up was signalled: only reading to the end tells which
  bool ended_ : 1 = false;        ///< on_end() was called
  bool failed_ : 1 = false;       ///< on_error() was called
  bool full_ : 1;                 ///< the socket takes no more until EPOLLOUT
  bool was_blocked_ : 1 = false;  ///< owes on_writable()
  bool unhurried_ : 1 = false;    ///< what is queued may wait for company
  bool shutdown_wanted_ : 1 = false;
  bool shutdown_done_ : 1 = false;
};

}  // namespace sluice::net
