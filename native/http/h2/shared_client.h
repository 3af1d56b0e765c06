#pragma once

#include <memory>

#include "http/h2/client_session.h"
#include "proxy/data_thread.h"
#include "proxy/shared_upstream.h"

namespace sluice::h2 {

/// An upstream's connection that speaks HTTP/2.
class SharedClient final : public SharedUpstream,
                           public Disposable,
                           private UpstreamConnection::User,
                           private ClientSession::Owner {
 public:
  explicit SharedClient(DataThread& thread) : thread_(thread), session_(thread.stack(), *this) {}

  // SharedUpstream
  UpstreamConnection::User& user() override { return *this; }
  void begin(std::unique_ptr<UpstreamConnection> transport, UpstreamPool* pool) override;
  UpstreamConnection* transport() override { return transport_.get(); }
  bool is_connected() const override { return session_.is_connected(); }
  bool has_room() const override { return transport_ && session_.has_room(); }
  net::StreamPtr open() override;
  void close() override;

 private:
  // UpstreamConnection::User
  void on_connected() override;
  void on_upstream_data(std::span<const char> data) override { session_.receive(data); }
  void on_upstream_readable() override {}
  void on_upstream_end() override;
  void on_upstream_writable() override { session_.produce(); }
  void on_upstream_error(int error) override;
  void on_upstream_timeout() override { close(); }

  // ClientSession::Owner
  void on_unused() override;
  void on_broken() override { close(); }

  DataThread& thread_;
  UpstreamPool* pool_ = nullptr;
  std::unique_ptr<UpstreamConnection> transport_;
  ClientSession session_;
  bool buried_ = false;
};

}  // namespace sluice::h2
