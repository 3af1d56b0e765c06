#pragma once

#include <memory>
#include <optional>

#include "base/zone_cache.h"
#include "tls/shared_ticket_keys.h"

namespace sluice::tls {

/// What `ssl_session_cache shared:` names: sessions that all workers of this host find, the keys of
/// their tickets, and which early data has been seen. It outlives workers and reloads.
class SessionZone {
 public:
  /// Null when the memory holds something else, as another version of this program would leave it.
  static std::unique_ptr<SessionZone> map(int descriptor);

  ZoneCache& sessions() { return *sessions_; }
  SharedTicketKeys& ticket_keys() { return *ticket_keys_; }

 private:
  struct Root;
  explicit SessionZone(SharedZone zone) : zone_(std::move(zone)) {}
  bool open();

  SharedZone zone_;
  std::optional<ZoneCache> sessions_;
  std::optional<SharedTicketKeys> ticket_keys_;
};

}  // namespace sluice::tls
