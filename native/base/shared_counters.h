#pragma once

#include <memory>

#include "base/counters.h"
#include "base/shared_zone.h"

namespace sluice {

/// The counters of all workers, in a zone that reloads keep. Each worker has a place there; when it
/// has gone, whatever way, what it counted goes into one common sum, and its gauges vanish.
class SharedCounters {
 public:
  /// Takes a place, which is the calling thread's until it ends. Null when none is free, or another
  /// version of this program counts other things there.
  static std::unique_ptr<SharedCounters> join(int descriptor);
  ~SharedCounters();

  /// Shows the others what this worker has counted so far.
  void publish(const Counters& own);
  /// Of all workers, `own` as they are now.
  Counters sum(const Counters& own);

 private:
  struct Place;
  struct Root;
  explicit SharedCounters(SharedZone zone) : zone_(std::move(zone)) {}
  bool open();
  bool take_place();
  static bool is_free(Root& root, Place& place);
  static void leave(Root& root, Place& place);

  SharedZone zone_;
  Root* root_ = nullptr;
  Place* own_ = nullptr;
};

}  // namespace sluice
