#pragma once

#include <memory>

#include "base/file.h"
#include "base/intrusive_list.h"
#include "net/kernel_stack.h"
#include "net/out_queue.h"

namespace sluice::net {

/// A connected (or connecting) socket of the kernel, TCP or unix.
class KernelStream final : public Stream,
                           public EventSource,
                           public ListHook<struct ToFlush>,
                           public ListHook<struct ToVisit> {
 public:
  /// The largest read, and what one stream may read before others get their turn.
  static constexpr size_t max_read = 256 * 1024;

  KernelStream(KernelStack& stack, Descriptor socket, const Address& remote, bool connecting)
      : stack_(stack),
        remote_(remote),
        socket_(std::move(socket)),
        connecting_(connecting),
        full_(connecting) {}
  ~KernelStream() override = default;

  void set_consumer(Consumer& consumer) override { consumer_ = &consumer; }

  void write(std::span<const char> bytes) override;
  std::span<char> prepare(size_t size) override { return queue_.prepare(size); }
  void commit(size_t size) override;
  void write_file(FileRef file, uint64_t offset, uint64_t length) override;
  void flush() override;
  size_t unsent() const override { return queue_.size(); }
  uint64_t last_sent_ms() const override { return last_sent_ms_; }

  void pause_reading() override { paused_ = true; }
  void resume_reading() override;
  void set_read_size(size_t size) override;
  bool read_directly(bool on) override;
  void await_room() override;

  void shutdown_write() override;
  void close() override;
  void reset() override;

  const Address& remote_address() const override { return remote_; }
  const Address& local_address() override;
  int kernel_descriptor() const override { return socket_.get(); }
  void set_no_delay(bool on) override;
  void set_keepalive(bool on) override;

  void on_events(uint32_t events) override;

 private:
  friend class KernelStack;

  static constexpr size_t low_mark = 16 * 1024;
  static constexpr size_t max_burst = 2 * 1024 * 1024;

  void queued();
  void send();
  ssize_t send_memory();
  ssize_t send_file(const OutQueue::FilePart& part);
  void fail(int error);
  void settle();
  bool owes_writable() const;
  void visit();
  void visit_later();
  void read();
  bool handle_connected(uint32_t events);
  int socket_error() const;
  void report_error();
  void report_end();

  KernelStack& stack_;
  Consumer* consumer_ = nullptr;
  OutQueue queue_;
  Address remote_;
  std::unique_ptr<Address> local_;
  Descriptor socket_;
  uint64_t last_sent_ms_ = 0;
  uint32_t read_size_ = 16 * 1024;
  int error_ = 0;  ///< what the socket failed with

  bool connecting_ : 1;
  bool closed_ : 1 = false;
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
  bool shutdown_wanted_ : 1 = false;
  bool shutdown_done_ : 1 = false;
};

}  // namespace sluice::net
