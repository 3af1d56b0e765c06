#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

#include "base/shared_zone.h"
#include "tls/ticket_key.h"

namespace sluice::tls {

/// Ticket keys that the workers of a host share in a zone: the first one encrypts.
class SharedTicketKeys {
 public:
  static constexpr size_t most = 32;
  /// Where they lie in the zone. One list is in force, the other one is where the next is written:
  /// a worker that is killed meanwhile has changed nothing.
  struct Memory {
    struct Item {
      TicketKey::Bytes bytes;
      int64_t expires;  ///< seconds since 1970: when the last ticket under it is no longer good
    };
    struct List {
      uint32_t count;
      Item items[most];
    };
    std::atomic<uint32_t> in_force{0};
    List lists[2]{};
  };

  SharedTicketKeys(SharedZone& zone, Memory& memory) : zone_(zone), memory_(memory) {}

  std::vector<TicketKey> list();
  void replace(std::span<const TicketKey> keys);
  /// As nginx does: whenever the previous key isn't needed any more, a new one takes the place of
  /// the current key, which becomes the previous. Tickets that are issued now are good for
  /// `lifetime` seconds.
  std::vector<TicketKey> rotate(int64_t now, int64_t lifetime);

 private:
  Memory::List& spare();
  void put_in_force(const Memory::List& list);
  std::vector<TicketKey> read() const;

  SharedZone& zone_;
  Memory& memory_;
};

}  // namespace sluice::tls
