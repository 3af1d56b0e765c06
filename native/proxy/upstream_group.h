#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "net/address.h"
#include "proxy/plan.h"
#include "proxy/upstream_pool.h"
#include "proxy/upstream_sessions.h"

namespace sluice {

class Runtime;
class UpstreamZone;

/// How a peer has fared, and how much it has to do. Lies in the group's zone, when it has one, and
/// is then all workers'.
struct PeerState {
  int32_t weight = 1;            ///< as configured, for a zone that has outlived a configuration
  int32_t current_weight = 0;    ///< smooth weighted round robin
  int32_t effective_weight = 1;  ///< less than the weight after failures
  uint32_t connections = 0;
  uint32_t fails = 0;
  int64_t accessed = 0;  ///< the last failure, in seconds
  int64_t checked = 0;   ///< when it was last tried after failures, in seconds
};

/// Where requests can go: one address of a `server`
/// (https://nginx.org/en/docs/http/ngx_http_upstream_module.html#server).
struct Peer {
  std::string server;  ///< as configured
  std::string name;    ///< its address as nginx prints it: $upstream_addr
  net::Address address;
  int32_t weight = 1;
  uint32_t max_connections = 0;  ///< 0: no limit
  uint32_t max_fails = 1;        ///< 0: never counts as failed
  uint32_t fail_timeout = 10;    ///< seconds
  bool down = false;
  PeerState* state = nullptr;
  PeerState own_state;  ///< where `state` points without a zone
};

/// The peers of a group at one time: a group with `resolve` gets another list when its names
/// change, while requests that have begun go on with theirs.
class PeerList {
 public:
  /// For a single request: the addresses that a name in `proxy_pass http://$host` was resolved to.
  static std::shared_ptr<PeerList> make(const std::vector<net::Address>& addresses);

  PeerList() = default;
  ~PeerList();
  PeerList(const PeerList&) = delete;
  PeerList& operator=(const PeerList&) = delete;

  /// Gives the peers their places. Call when all are there.
  void settle();
  /// The same in the zone of a group, as far as there is room. Both outlive the list.
  void settle(UpstreamZone& zone, std::string_view group);
  /// A lone peer is never given up: its failures don't count.
  bool single() const { return single_; }
  /// How many of them are up.
  unsigned tries() const { return tries_; }

  std::vector<Peer> primary;
  std::vector<Peer> backup;

 private:
  unsigned tries_ = 0;
  bool single_ = false;
  UpstreamZone* zone_ = nullptr;
  std::string_view group_;
};

/// An `upstream` block, or the peers of a `proxy_pass http://host:port`.
class UpstreamGroup {
 public:
  static std::unique_ptr<UpstreamGroup> read(Runtime& runtime, const plan::Node& node);
  ~UpstreamGroup();

  /// The group that a host of a URL means, if any: an `upstream` block, or a host and port that
  /// `proxy_pass` names elsewhere. `no_port`: the URL had none, `port` is the scheme's.
  static UpstreamGroup* find(const Runtime& runtime, std::string_view host, uint16_t port,
                             bool no_port);

  std::string_view name() const { return name_; }
  const std::shared_ptr<PeerList>& peers() const { return peers_; }
  /// Null without a zone.
  UpstreamZone* zone() { return zone_.get(); }
  /// To be resumed by new connections to the peers.
  UpstreamSessions& sessions() { return *sessions_; }
  /// Null: connections are closed after each request.
  UpstreamPool* pool() { return pool_.get(); }
  /// Connections are reused only by the location that made them.
  bool pool_is_local() const { return pool_is_local_; }

 private:
  class Resolved;
  UpstreamGroup();
  void set_peers();

  std::string name_;   ///< of the block, or the host
  uint16_t port_ = 0;  ///< 0: a block
  std::unique_ptr<UpstreamZone> zone_;
  std::shared_ptr<PeerList> peers_;  ///< some of it lies in the zone
  std::unique_ptr<UpstreamSessions> sessions_;
  std::unique_ptr<UpstreamPool> pool_;
  bool pool_is_local_ = false;
  std::vector<std::unique_ptr<Resolved>> servers_;  ///< in the order of the configuration
};

/// The peers that one request tries, one after the other: round robin by weights, then the backups.
class PeerChoice {
 public:
  /// `group` is null for a list of this request's own.
  PeerChoice(UpstreamGroup* group, std::shared_ptr<PeerList> peers, Arena& arena);
  ~PeerChoice();
  PeerChoice(const PeerChoice&) = delete;
  PeerChoice& operator=(const PeerChoice&) = delete;

  enum class Outcome : uint8_t {
    done,  ///< the request is through, or given up for a reason that isn't the peer's fault
    failed,
    declined,  ///< it answered 403 or 404, and another one is asked: no failure
  };

  /// The next peer, counted as in use until release(); null: no live upstreams.
  const Peer* next();
  /// True: this failure has put the peer aside for a while.
  bool release(Outcome outcome);
  const Peer* current() const { return current_; }

  /// Peers that may still be tried.
  unsigned tries = 0;

 private:
  const Peer* pick(std::vector<Peer>& peers);
  void clear_tried();
  bool tried(size_t position) const { return tried_[position / 64] >> position % 64 & 1; }

  UpstreamGroup* group_;
  std::shared_ptr<PeerList> peers_;
  Peer* current_ = nullptr;
  bool backup_ = false;
  size_t words_ = 1;
  uint64_t* tried_ = &tried_here_;
  uint64_t tried_here_ = 0;  ///< where `tried_` points for up to 64 peers
};

}  // namespace sluice
