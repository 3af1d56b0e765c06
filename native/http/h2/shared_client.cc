#include "http/h2/shared_client.h"

#include "proxy/upstream_pool.h"

namespace sluice::h2 {

void SharedClient::begin(std::unique_ptr<UpstreamConnection> transport, UpstreamPool* pool) {
  transport_ = std::move(transport);
  pool_ = pool;
  // Requests of one turn leave together, by us.
  transport_->stream().set_no_delay(true);
  transport_->stream().set_read_size(64 * 1024);
}

net::StreamPtr SharedClient::open() {
  transport_->cancel_timeout();
  return session_.open();
}

void SharedClient::on_connected() {
  session_.begin(transport_->stream());
  if (session_.is_unused()) on_unused();
}

void SharedClient::on_upstream_end() {
  session_.end();
  close();
}

void SharedClient::on_upstream_error(int error) {
  session_.fail(error);
  close();
}

/// Others may have the connection, or it ends.
void SharedClient::on_unused() {
  if (session_.is_connected() && session_.has_room() && pool_ && pool_->rest(*this)) return;
  close();
}

void SharedClient::close() {
  if (transport_) {
    session_.leave();
    if (pool_) pool_->leave(*this);
    UpstreamConnection::close(std::move(transport_));
  }
  // Complete responses may still be on their way to slow clients.
  if (session_.is_unused() && !std::exchange(buried_, true)) {
    thread_.bury(std::unique_ptr<Disposable>(this));
  }
}

}  // namespace sluice::h2
