#include "proxy/upstream_connection.h"

#include <cerrno>

#include "base/clock.h"
#include "proxy/data_thread.h"
#include "proxy/shared_upstream.h"
#include "proxy/upstream_pool.h"

namespace sluice {

std::unique_ptr<UpstreamConnection> UpstreamConnection::connect(DataThread& thread,
                                                                const net::Address& peer,
                                                                const net::ConnectOptions& options,
                                                                std::unique_ptr<UpstreamTls> tls,
                                                                User& user, int& error) {
  if (!thread.take_connection_slot()) {
    error = ENOBUFS;
    return nullptr;
  }
  std::unique_ptr<UpstreamConnection> connection(new UpstreamConnection(thread, peer, &user));
  connection->stream_ = thread.stack().connect(peer, options, *connection, error);
  if (!connection->stream_) return nullptr;
  if (tls) {
    connection->stream_ = tls->secure(thread.stack(), std::move(connection->stream_));
    connection->stream_->set_consumer(*connection);
    connection->tls_ = std::move(tls);
  }
  return connection;
}

std::unique_ptr<UpstreamConnection> UpstreamConnection::join(DataThread& thread,
                                                             SharedUpstream& shared, User& user) {
  std::unique_ptr<UpstreamConnection> part(
      new UpstreamConnection(thread, shared.transport()->peer(), &user));
  shared.transport()->requests_++;
  part->shared_ = &shared;
  part->stream_ = shared.open();
  part->stream_->set_consumer(*part);
  return part;
}

UpstreamConnection::UpstreamConnection(DataThread& thread, const net::Address& peer, User* user)
    : thread_(thread), user_(user), peer_(peer), opened_ms_(Clock::of_thread().monotonic_ms()) {
  timer_.bind<&UpstreamConnection::on_timeout>(this);
}

UpstreamConnection::~UpstreamConnection() {
  if (!shared_) thread_.release_connection_slot();
}

/// The connection that TLS is of; null: there is none any more, or it is plain.
const UpstreamConnection* UpstreamConnection::secured() const {
  const UpstreamConnection* below = shared_ ? shared_->transport() : this;
  return below && below->tls_ ? below : nullptr;
}

bool UpstreamConnection::is_handshaking() const {
  const UpstreamConnection* below = secured();
  return below && !below->established_ && below->tls_->begun();
}

std::string_view UpstreamConnection::failure() const {
  const UpstreamConnection* below = secured();
  return below ? below->tls_->failure() : std::string_view();
}

bool UpstreamConnection::failure_is_ours() const {
  const UpstreamConnection* below = secured();
  return below && below->tls_->failure_is_ours();
}

void UpstreamConnection::close(std::unique_ptr<UpstreamConnection> connection) {
  connection->stream_.reset();
  connection->timer_.cancel();
  DataThread& thread = connection->thread_;
  thread.bury(std::move(connection));
}

void UpstreamConnection::take(User& user) {
  user_ = &user;
  pool_ = nullptr;
  queued_ = 0;
  requests_++;
}

// An idle connection has nobody to tell: whatever happens to it ends it.

void UpstreamConnection::on_connected() {
  if (tls_ && !tls_->verify()) {
    user_->on_upstream_error(EPROTO);
    return;
  }
  established_ = true;
  user_->on_connected();
}

void UpstreamConnection::on_data(std::span<const char> data) {
  if (user_) {
    user_->on_upstream_data(data);
  } else {
    pool_->drop(*this);
  }
}

void UpstreamConnection::on_readable() {
  if (user_) user_->on_upstream_readable();
}

void UpstreamConnection::on_end() {
  if (user_) {
    user_->on_upstream_end();
  } else {
    pool_->drop(*this);
  }
}

void UpstreamConnection::on_writable() {
  if (user_) user_->on_upstream_writable();
}

void UpstreamConnection::on_error(int error) {
  if (user_) {
    user_->on_upstream_error(error);
  } else {
    pool_->drop(*this);
  }
}

void UpstreamConnection::on_timeout() {
  if (user_) {
    user_->on_upstream_timeout();
  } else {
    pool_->drop(*this);
  }
}

}  // namespace sluice
