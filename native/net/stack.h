#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "base/file.h"
#include "net/address.h"
#include "net/datagrams.h"
#include "net/turn.h"

namespace sluice::net {

/// A connected byte stream. Reads are pushed: the stack reads into one buffer per thread and hands
/// the bytes up, so an idle stream holds no read buffer. Writes are queued and leave together, at
/// the end of the event that caused them. TLS is a Stream over another Stream; nothing above sees
/// which stack runs.
class Stream {
 public:
  /// What a stream tells its consumer. Any of them may close the stream.
  class Consumer {
   public:
    /// A connect() is through; nothing is called before it.
    virtual void on_connected() {}
    /// Bytes from the peer. They are the stack's again when the call returns: use them, or copy
    /// what must stay.
    virtual void on_data(std::span<const char> data) = 0;
    /// Instead of on_data() while reading directly: the descriptor may have bytes, or its end.
    virtual void on_readable() {}
    /// The peer has finished sending (FIN). Writing goes on.
    virtual void on_end() = 0;
    /// After blocked() was true, or a flush left something: the queue has drained to the low mark,
    /// or is empty.
    virtual void on_writable() = 0;
    /// The stream is dead; `error` is an errno of this system. Close it.
    virtual void on_error(int error) = 0;

   protected:
    ~Consumer() = default;
  };

  virtual void set_consumer(Consumer& consumer) = 0;

  /// Queues bytes that stay valid until this event's callback returns to the stack, or flush() is
  /// called: what could not be sent by then is copied.
  virtual void write(std::span<const char> bytes) = 0;
  /// Room for `size` bytes at the tail of the queue, to be filled in place; commit() says how many
  /// were used.
  virtual std::span<char> prepare(size_t size) = 0;
  virtual void commit(size_t size) = 0;
  /// The same with what is in no hurry: it leaves with what is written next, or within a few
  /// milliseconds.
  virtual void commit_unhurried(size_t size) { commit(size); }
  /// Queues part of a file; the stack sends it without a copy where it can.
  virtual void write_file(FileRef file, uint64_t offset, uint64_t length) = 0;
  /// Sends what is queued now and copies borrowed bytes that remain. Whoever frees memory that it
  /// has written calls this first.
  virtual void flush() = 0;
  /// Bytes queued and not yet taken by the kernel (files included).
  virtual size_t unsent() const = 0;
  /// When the kernel last took some of them, in ms of the monotonic clock.
  virtual uint64_t last_sent_ms() const { return 0; }
  /// True while more than the high mark is queued: stop producing until on_writable().
  bool blocked() const { return unsent() > high_mark; }
  static constexpr size_t high_mark = 64 * 1024;

  /// Stops and continues on_data(). Pausing inside on_data() still delivers nothing more after it
  /// returns.
  virtual void pause_reading() = 0;
  virtual void resume_reading() = 0;
  /// The most bytes one on_data() hands over (default 16 KiB; up to the thread's whole buffer for
  /// bodies).
  virtual void set_read_size(size_t size) = 0;

  /// Leaves reading from kernel_descriptor() to the consumer (SplicePump): on_readable() and
  /// on_writable() then mean that a blocked pump may try again; turning it on brings a first
  /// on_readable(). False where there is no descriptor to read from.
  virtual bool read_directly(bool on) { return !on; }
  /// Has on_writable() called when the descriptor, found full by the consumer itself, has room
  /// again.
  virtual void await_room() {}

  /// Nothing more will be written, and shutdown_write() or close() is about to follow: what is said
  /// at the end (close_notify, FIN) may leave along with what is queued.
  virtual void end_writing() {}
  /// Sends FIN once the queue is empty.
  virtual void shutdown_write() = 0;
  /// Closes once the callback in progress has returned; queued bytes that the kernel did not take
  /// are lost. The object is then gone.
  virtual void close() = 0;
  /// As close(), with RST instead of FIN.
  virtual void reset() = 0;

  virtual const Address& remote_address() const = 0;
  /// Asked of the kernel once, at first use.
  virtual const Address& local_address() = 0;

  /// For splice and TCP_INFO; -1 where bytes are not the socket's own (TLS, F-Stack).
  virtual int kernel_descriptor() const { return -1; }

  virtual void set_no_delay(bool on) = 0;
  virtual void set_keepalive(bool on) = 0;

 protected:
  virtual ~Stream() = default;
};

/// Owns a stream: letting go closes it.
struct StreamCloser {
  void operator()(Stream* stream) const { stream->close(); }
};
using StreamPtr = std::unique_ptr<Stream, StreamCloser>;

class Listener {
 public:
  /// Takes over each accepted connection.
  class Acceptor {
   public:
    virtual void on_accept(StreamPtr stream) = 0;
    /// accept() failed: EMFILE and the like. The stack tries again after 500 ms.
    virtual void on_accept_error(int error) = 0;

   protected:
    ~Acceptor() = default;
  };
  virtual ~Listener() = default;
  virtual void pause() = 0;
  virtual void resume() = 0;
};

/// Where a listener takes connections from, and what a stack that opens the socket itself must
/// know.
struct ListenSocket {
  int descriptor = -1;    ///< the kernel's socket: inherited, listening
  bool on_kernel = true;  ///< whichever stack runs
  Address address = {};
  bool ipv6only = true;
  int backlog = 511;
  int receive_buffer = 0;
  int send_buffer = 0;
  bool may_fragment = false;  ///< UDP: a datagram that the path doesn't take whole is cut
  bool no_delay = false;      ///< every connection is to have TCP_NODELAY
  struct Keepalive {
    bool on = false;
    int idle = 0;      ///< seconds; 0: the stack's default, as the others
    int interval = 0;  ///< seconds
    int count = 0;
  } keepalive = {};
};

struct ConnectOptions {
  const Address* bind = nullptr;  ///< proxy_bind
  bool on_kernel = false;         ///< whichever stack runs
  bool transparent = false;
  bool keepalive = false;
  int receive_buffer = 0;
  int send_buffer = 0;
};

/// Sockets, timers and the loop of one data thread.
class Stack {
 public:
  virtual ~Stack() = default;

  /// Accepts connections; null with errno set when it can't. An inherited descriptor stays open
  /// when the Listener goes.
  virtual std::unique_ptr<Listener> listen(const ListenSocket& socket,
                                           Listener::Acceptor& acceptor) = 0;

  /// Starts a connection; on_connected() or on_error() follows, never within the call. Null with
  /// `error` set when it failed at once.
  virtual StreamPtr connect(const Address& peer, const ConnectOptions& options,
                            Stream::Consumer& consumer, int& error) = 0;

  /// Reads from, and writes to, a UDP socket; null with errno set when it can't. An inherited
  /// descriptor stays open when the DatagramSocket goes.
  virtual std::unique_ptr<DatagramSocket> open_datagrams(const ListenSocket& socket,
                                                         DatagramSocket::Consumer& consumer) = 0;

  /// Calls `on_ready(context)` after each write to `descriptor`, an eventfd: nobody has to read it.
  virtual void watch(int descriptor, void (*on_ready)(void*), void* context) = 0;

  // --- The turn: the same whichever stack runs ---
  using TurnObserver = Turn::Observer;
  void observe_turns(TurnObserver& observer) { turn_->observe(observer); }
  void forget_turns(TurnObserver& observer) { turn_->forget(observer); }
  void flush() { turn_->flush(); }
  void settle_later(Layer& layer) { turn_->settle_later(layer); }
  void visit_later(Layer& layer) { turn_->visit_later(layer); }
  void bury(std::unique_ptr<Layer> layer) { turn_->bury(std::move(layer)); }
  TimerWheel& timers() { return turn_->timers(); }

  /// Runs until stop() was called on this thread.
  virtual void run() = 0;
  virtual void stop() = 0;
  /// As stop(), once the peers have what closed streams had queued: where that doesn't outlive the
  /// process, and for a while only.
  virtual void stop_when_delivered() { stop(); }

 protected:
  explicit Stack(std::shared_ptr<Turn> turn) : turn_(std::move(turn)) {}
  /// Two stacks on one thread share it.
  std::shared_ptr<Turn> turn_;
};

}  // namespace sluice::net
