#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/shared_zone.h"
#include "proxy/upstream_group.h"
#include "tls/openssl.h"

namespace sluice {

/// What workers share of a group in shared memory (`zone`), those of the next configuration
/// included: the states of its peers, one record per address, found by name, so that workers whose
/// lists differ for a moment while names are resolved anew still agree about each peer; and what
/// the names stand for.
class UpstreamZone {
 public:
  static std::unique_ptr<UpstreamZone> map(int descriptor);

  /// The state of a peer of group `group`, made at first use, and there until release() was called
  /// as often. What workers have that die is never released. Null when the zone is full.
  PeerState* state(std::string_view group, const Peer& peer);
  void release(std::string_view group, const Peer& peer);

  /// The last TLS session that any worker has kept for the peer, if its connection was secured as
  /// `identity` says (UpstreamSessions). The lock is taken within.
  tls::SessionPtr find_session(std::string_view group, std::string_view peer,
                               std::string_view identity);
  void keep_session(std::string_view group, std::string_view peer, std::string_view identity,
                    SSL_SESSION* session);

  /// What a name of the group stood for when the control thread last said so, as it said it: a
  /// worker begins with that. Empty if nothing was said yet. The lock is taken within.
  std::string find_addresses(std::string_view group, std::string_view name);
  void keep_addresses(std::string_view group, std::string_view name, std::string_view addresses);

  /// What `former`, a zone of another size, knows of names, as far as there is room; peers begin
  /// anew. The locks are taken within.
  void take_over(UpstreamZone& former);

  /// Locked while states are read and changed, or a record is looked up. A worker that died holding
  /// the lock leaves sums that are off by one, no more.
  SharedZone& shared() { return zone_; }

 private:
  struct Record;
  struct Content;
  Record* find(std::string_view name);
  Record* find_or_make(std::string_view name);
  void fill(Content& content, std::string_view bytes);
  std::string_view read(const Content& content) const;
  explicit UpstreamZone(SharedZone zone) : zone_(std::move(zone)) {}

  SharedZone zone_;
};

}  // namespace sluice
