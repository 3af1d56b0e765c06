#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tls/shared_ticket_keys.h"

namespace sluice::tls {

/// Ticket keys that come from elsewhere while the process runs. What is known of them lies in a
/// zone, too: new workers begin with it, wherever the keys come from.
class TicketKeyRing {
 public:
  /// Null when the memory can't be used.
  static std::unique_ptr<TicketKeyRing> map(int descriptor);

  /// 80 bytes a key; the first one seals.
  void replace(std::span<const unsigned char> keys);
  std::string bytes() const;
  const std::vector<TicketKey>& keys() const { return keys_; }
  /// Changes with the keys.
  uint64_t version() const { return version_; }

 private:
  explicit TicketKeyRing(SharedZone zone) : zone_(std::move(zone)) {}
  bool open();

  SharedZone zone_;
  std::optional<SharedTicketKeys> shared_;
  std::vector<TicketKey> keys_;
  uint64_t version_ = 1;
};

}  // namespace sluice::tls
