#pragma once

#include <cstdint>
#include <memory>

#include "base/intrusive_list.h"
#include "net/address.h"
#include "proxy/shared_upstream.h"
#include "proxy/upstream_connection.h"

namespace sluice {

/// A group's idle connections, and those that requests share
/// (https://nginx.org/en/docs/http/ngx_http_upstream_module.html#keepalive), the last used first.
/// A peer that closes one, or speaks unasked, takes it out at once.
class UpstreamPool {
 public:
  struct Limits {
    uint32_t connections = 32;
    uint32_t requests = 1000;
    uint64_t time = 3'600'000;  ///< a connection's whole life, ms
    uint32_t timeout = 60'000;  ///< idle, ms
  };
  explicit UpstreamPool(const Limits& limits) : limits_(limits) {}
  ~UpstreamPool();

  /// An idle connection to `peer` that was kept with the same tag, secured in the same way, given
  /// to `user`; null: there is none.
  std::unique_ptr<UpstreamConnection> take(const net::Address& peer, std::string_view identity,
                                           const void* tag, UpstreamConnection::User& user);
  /// Keeps a connection whose response is complete, or closes it when it has served its time.
  void keep(std::unique_ptr<UpstreamConnection> connection, const void* tag);

  /// The same for connections that serve several requests at once. They stay in the pool while they
  /// are in use: one to `peer` that has room for another request; null: there is none.
  SharedUpstream* join(const net::Address& peer, std::string_view identity, const void* tag);
  void share(SharedUpstream& shared, const void* tag);
  /// Nobody uses it for now. False: it has served its time.
  bool rest(SharedUpstream& shared);
  /// It is about to close.
  void leave(SharedUpstream& shared);

 private:
  friend class UpstreamConnection;
  void drop(UpstreamConnection& connection);
  bool has_served(const UpstreamConnection& connection) const;
  void make_room();

  Limits limits_;
  uint32_t size_ = 0;  ///< of what is idle
  IntrusiveList<UpstreamConnection, struct IdleUpstreams> idle_;
  IntrusiveList<SharedUpstream, struct SharedUpstreams> shared_;
};

}  // namespace sluice
