#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "net/flow.h"
#include "net/flow_board.h"

namespace sluice::net {

/// Tells a worker in user space which of the packets that its device brings are its own, where the
/// device can't: because it is shared with other workers, or with those that begin or drain in a
/// reload. What is new goes to the shift that serves, spread by a hash; what has begun stays where
/// it began. docs/fstack.md tells the whole of a hand-over.
class FlowDirector {
 public:
  /// A worker's, in shared memory.
  struct Place {
    uint8_t shift = 0;
    uint8_t worker = 0;
    bool operator==(const Place&) const = default;
  };
  /// Of a packet, beside the number of a worker.
  static constexpr int here = -2;
  static constexpr int nobody = -1;

  /// `exclusive`: each worker has the device for itself, and leaves to others what isn't its own;
  /// else they hand packets to one another. Null where the memory isn't a board of ours.
  static std::unique_ptr<FlowDirector> open(int descriptor, Place place, bool exclusive);
  /// On a board that outlives it.
  FlowDirector(FlowBoard& board, Place place, bool exclusive);

  /// For each received frame: `here`, `nobody`, or, unless exclusive, a worker of this shift.
  int owner_of(std::span<const uint8_t> frame);

  /// The port is no source of connections.
  void listen_on(uint16_t port);

  /// Once a turn. True when it is time to publish(): others have served for a while.
  bool update(uint64_t now_ms);
  /// Writes the open connections down as this worker's, for others to leave them to it. `flows`
  /// calls its argument for each of them.
  template <typename EachFlow>
  void publish(EachFlow&& flows) {
    flows([this](const Flow& flow) { keep(flow); });
    unlisted(place_).store(0, std::memory_order_release);
    state_of(place_).store(FlowBoard::retired, std::memory_order_release);
  }
  /// Another shift serves, or is about to: what ends here may still have packets to come.
  bool leaving() const;
  /// Has published.
  bool retired() const;
  /// It listens no longer: nobody can hand back to it. After publish().
  void become_deaf();
  /// Whether new connections are for this shift.
  bool serves() const;
  /// This worker's, whatever comes: of a connection that stays open behind a stream that was
  /// closed, or that comes after publish().
  void keep(const Flow& flow);

 private:
  using State = std::atomic_ref<uint8_t>;
  struct Unmap {
    void operator()(FlowBoard* board) const;
  };

  /// How long after another shift has begun to serve connections that it hasn't claimed may be
  /// taken: it may have left them to us just before. And how long connections may be in the making,
  /// before what isn't known to anybody is the new shift's.
  static constexpr uint64_t claim_ms = 50;
  static constexpr uint64_t publish_ms = 2000;

  State state_of(Place place) const;
  State unlisted(Place place) const;
  uint8_t serving_shift() const;
  uint32_t occupied() const;
  bool others() const;
  bool listening(uint16_t port) const;
  std::optional<Place> owner_of_port(uint16_t port) const;
  Place worker_of(uint8_t shift, uint64_t hash) const;
  Place owner_of_flow(const Frame& frame);
  Place owner_of_new(uint64_t hash, bool several);
  Place unclaimed(Place owner);
  Place owner_of_old(uint64_t hash) const;
  bool was_just_superseded() const;

  // The table.
  uint64_t entry(uint64_t hash, Place place, bool kept) const;
  std::optional<Place> place_in(uint64_t entry) const;
  std::optional<Place> find(uint64_t hash) const;
  /// Whose the flow is then: another process may have been faster.
  Place claim(uint64_t hash, Place place, std::optional<Place> instead_of);

  std::unique_ptr<FlowBoard, Unmap> mapped_;
  FlowBoard& board_;
  Place place_;
  bool exclusive_;
  uint32_t alone_ = 0;  ///< occupied() while this worker is the only one; 0: it isn't
  uint64_t now_ms_ = 0;
  uint64_t superseded_at_ = 0;  ///< 0: this shift serves, or hasn't yet
};

}  // namespace sluice::net
