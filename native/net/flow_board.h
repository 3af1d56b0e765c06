#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace sluice::net {

/// Shared memory by which processes that get the same packets agree on whose each is
/// (src/fstack-binding/flow-board.ts makes it, and writes what masters know). A **shift** is the
/// workers that were started together: those of a reload are another one than those that drain.
struct FlowBoard {
  static constexpr uint32_t current_version = 2;
  static constexpr size_t max_shifts = 4;
  static constexpr size_t max_workers = 128;

  /// Of a worker.
  enum State : uint8_t {
    down = 0,       ///< none there, or not yet
    waiting = 1,    ///< it is up; its shift hasn't served yet
    serving = 2,    ///< takes new connections while its shift serves
    retired = 3,    ///< all of its connections stand in the table; it can serve again
    elsewhere = 4,  ///< it has come up on the kernel's stack
    deaf = 5,       ///< as retired, and it doesn't listen any more
  };

  uint32_t version;
  uint32_t shifts;  ///< between how many the ports of connections to upstreams are divided
  uint64_t key;     ///< of hashes
  uint8_t serving_shift;
  uint8_t reserved[3];
  /// Of each shift: 0 when it is free, else a number that tells it from the one that was in its
  /// place before.
  uint8_t incarnations[max_shifts];
  uint8_t last_incarnations[max_shifts];  ///< the masters' own business
  uint8_t workers[max_shifts];            ///< how many a shift has
  uint8_t padding[32];
  uint8_t states[max_shifts][max_workers];
  uint8_t padding_2[448];
  /// A bit for each port that something listens on.
  std::array<uint64_t, 65536 / 64> listening;
  /// Of a worker: 1 when it may have connections that the table doesn't know, for they began while
  /// there was no other shift.
  uint8_t unlisted[max_shifts][max_workers];
  uint8_t padding_3[6656];

  /// Whose a flow is, by its hash: a bucket is a cache line. See flow_director.cc.
  static constexpr size_t bucket_size = 8;
  static constexpr size_t buckets = 128 * 1024;
  uint64_t flows[buckets][bucket_size];

  /// Which ports connections to upstreams come from: shift by shift, worker by worker.
  static constexpr uint32_t first_port = 10'000;
  static constexpr uint32_t ports = 65'536 - first_port;
};
static_assert(offsetof(FlowBoard, serving_shift) == 16);
static_assert(offsetof(FlowBoard, states) == 64);
static_assert(offsetof(FlowBoard, listening) == 1024);
static_assert(offsetof(FlowBoard, unlisted) == 9 * 1024);
static_assert(offsetof(FlowBoard, flows) == 16 * 1024);

}  // namespace sluice::net
