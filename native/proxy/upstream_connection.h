#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>

#include "base/intrusive_list.h"
#include "base/timer.h"
#include "net/stack.h"
#include "proxy/disposable.h"
#include "proxy/upstream_tls.h"

namespace sluice {

class DataThread;
class SharedUpstream;
class UpstreamPool;

/// A connection to a peer: one request uses it at a time, then the pool may keep it for the next.
class UpstreamConnection final : public Disposable,
                                 public ListHook<struct IdleUpstreams>,
                                 private net::Stream::Consumer {
 public:
  /// The request that uses the connection. Any of these may let go of it.
  class User {
   public:
    virtual void on_connected() = 0;
    virtual void on_upstream_data(std::span<const char> data) = 0;
    /// While the stream is read directly: there may be bytes, or the end.
    virtual void on_upstream_readable() = 0;
    virtual void on_upstream_end() = 0;
    virtual void on_upstream_writable() = 0;
    virtual void on_upstream_error(int error) = 0;
    /// The time set by set_timeout() is over.
    virtual void on_upstream_timeout() = 0;

   protected:
    ~User() = default;
  };

  /// Begins to connect, and to secure the connection as `tls` says unless it is null. Null with
  /// `error` set when that fails at once; ENOBUFS: no worker_connections are left.
  static std::unique_ptr<UpstreamConnection> connect(DataThread& thread, const net::Address& peer,
                                                     const net::ConnectOptions& options,
                                                     std::unique_ptr<UpstreamTls> tls, User& user,
                                                     int& error);
  /// A request's part of a connection that others use too; on_connected() follows if that doesn't
  /// stand yet.
  static std::unique_ptr<UpstreamConnection> join(DataThread& thread, SharedUpstream& shared,
                                                  User& user);
  ~UpstreamConnection() override;

  net::Stream& stream() { return *stream_; }
  const net::Address& peer() const { return peer_; }
  /// Connections with the same one are secured in the same way; empty: they aren't.
  std::string_view identity() const { return tls_ ? tls_->identity() : std::string_view(); }

  /// It stands, as far as TCP goes, and is being secured.
  bool is_handshaking() const;
  /// What on_upstream_error() is about, in nginx's words; empty when it is the errno that tells.
  std::string_view failure() const;
  /// The peer isn't to blame for it.
  bool failure_is_ours() const;

  /// Replaces the time-out in force.
  void set_timeout(uint64_t milliseconds) { timer_.set(milliseconds); }
  void cancel_timeout() { timer_.cancel(); }

  /// Counts what is given to the stream; sent() is what of that has left since the user took over.
  void queued(uint64_t bytes) { queued_ += bytes; }
  uint64_t sent() const { return queued_ - std::min<uint64_t>(queued_, stream_->unsent()); }

  /// Closes it at once; fit for the connection's own callbacks.
  static void close(std::unique_ptr<UpstreamConnection> connection);

 private:
  friend class UpstreamPool;
  UpstreamConnection(DataThread& thread, const net::Address& peer, User* user);

  const UpstreamConnection* secured() const;
  void take(User& user);
  void on_connected() override;
  void on_data(std::span<const char> data) override;
  void on_readable() override;
  void on_end() override;
  void on_writable() override;
  void on_error(int error) override;
  void on_timeout();

  DataThread& thread_;
  User* user_;  ///< null while idle in pool_
  UpstreamPool* pool_ = nullptr;
  SharedUpstream* shared_ = nullptr;  ///< that this is a part of
  const void* tag_ = nullptr;
  std::unique_ptr<UpstreamTls> tls_;  ///< null: plain
  net::StreamPtr stream_;
  net::Address peer_;
  Timer timer_;
  uint64_t opened_ms_;
  uint64_t queued_ = 0;
  uint32_t requests_ = 1;
  bool established_ = false;
  bool resting_ = false;  ///< it is shared, and nobody uses it
};

}  // namespace sluice
