#include "base/shared_counters.h"

#include <unistd.h>

#include <atomic>
#include <cerrno>

namespace sluice {

namespace {

/// Changes when the list of counters does.
constexpr uint64_t layout() {
  uint64_t hash = 14695981039346656037u;
  auto add = [&](std::string_view text) {
    for (char c : text) hash = (hash ^ uint8_t(c)) * 1099511628211u;
  };
#define SLUICE_NAME(member, section, name, meaning) add(#section "." #name " ");
  SLUICE_COUNTERS(SLUICE_NAME, SLUICE_NAME)
#undef SLUICE_NAME
  return hash;
}

struct Values {
  std::atomic<uint64_t> values[Counters::count];

  void store(const Counters& from) {
    for (size_t i = 0; i < Counters::count; ++i) {
      values[i].store(from.*Counters::descriptions[i].member, std::memory_order_relaxed);
    }
  }
  void add_to(Counters& sum) const {
    for (size_t i = 0; i < Counters::count; ++i) {
      sum.*Counters::descriptions[i].member += values[i].load(std::memory_order_relaxed);
    }
  }
};

}  // namespace

/// Its mutex is locked for as long as the worker's thread lives: whoever can take it finds the
/// worker gone.
struct SharedCounters::Place {
  pthread_mutex_t alive;
  Values values;
};

struct SharedCounters::Root {
  uint64_t layout;
  uint64_t places;  ///< offset of the first
  uint64_t place_count;
  uint64_t used;  ///< places from here on never were anybody's
  Values gone;    ///< what workers that have gone had counted
};

std::unique_ptr<SharedCounters> SharedCounters::join(int descriptor) {
  std::optional<SharedZone> zone = SharedZone::map(Descriptor(::dup(descriptor)));
  if (!zone) return nullptr;
  std::unique_ptr<SharedCounters> made(new SharedCounters(std::move(*zone)));
  SharedZone::Lock lock(made->zone_);
  return made->open() && made->take_place() ? std::move(made) : nullptr;
}

bool SharedCounters::open() {
  Offset<Root> offset{zone_.root()};
  if (!offset) {
    offset = zone_.make<Root>();
    if (!offset) return false;
    size_t size = 0;
    Root& root = *zone_.at(offset);
    root.layout = layout();
    root.places = zone_.take_rest(size);
    root.place_count = size / sizeof(Place);
    zone_.set_root(offset.value);
  }
  root_ = zone_.at(offset);
  return root_ && root_->layout == layout();
}

bool SharedCounters::take_place() {
  for (uint64_t i = 0; i < root_->place_count; ++i) {
    auto* place =
        static_cast<Place*>(zone_.address(root_->places + i * sizeof(Place), sizeof(Place)));
    if (i == root_->used) {
      pthread_mutexattr_t attributes;
      pthread_mutexattr_init(&attributes);
      pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
      pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
      pthread_mutex_init(&place->alive, &attributes);
      pthread_mutexattr_destroy(&attributes);
      root_->used++;
    }
    if (!is_free(*root_, *place)) continue;
    own_ = place;
    return true;
  }
  return false;
}

// Then it is locked, and empty.
bool SharedCounters::is_free(Root& root, Place& place) {
  switch (pthread_mutex_trylock(&place.alive)) {
    case 0:
      return true;
    case EOWNERDEAD:
      pthread_mutex_consistent(&place.alive);
      leave(root, place);
      return true;
    default:
      return false;
  }
}

void SharedCounters::leave(Root& root, Place& place) {
  Counters sum;
  root.gone.add_to(sum);
  place.values.add_to(sum);
  for (const Counters::Description& each : Counters::descriptions) {
    if (each.is_gauge) sum.*each.member = 0;
  }
  root.gone.store(sum);
  place.values.store({});
}

SharedCounters::~SharedCounters() {
  if (!own_) return;
  SharedZone::Lock lock(zone_);
  leave(*root_, *own_);
  pthread_mutex_unlock(&own_->alive);
}

void SharedCounters::publish(const Counters& own) { own_->values.store(own); }

Counters SharedCounters::sum(const Counters& own) {
  SharedZone::Lock lock(zone_);
  Counters sum = own;
  for (uint64_t i = 0; i < root_->used; ++i) {
    auto* place =
        static_cast<Place*>(zone_.address(root_->places + i * sizeof(Place), sizeof(Place)));
    if (!place || place == own_) continue;
    if (is_free(*root_, *place)) {
      pthread_mutex_unlock(&place->alive);
    } else {
      place->values.add_to(sum);
    }
  }
  root_->gone.add_to(sum);
  return sum;
}

}  // namespace sluice
