#include "net/flow_director.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>

namespace sluice::net {
namespace {

// An entry of the table: the upper bits of a flow's hash (the lower ones choose its bucket), whose
// it is, and whether it may make room for others. Never 0, which is a free one.
constexpr int tag_shift = 20;
constexpr uint64_t in_use = 1u << 19;
constexpr uint64_t kept_bit = 1u << 18;
constexpr int shift_at = 16;  // 2 bits
constexpr int worker_at = 8;  // 7 bits
constexpr uint64_t incarnation_bits = 0xff;

uint64_t tag_of(uint64_t hash) { return hash >> tag_shift << tag_shift; }

using Entry = std::atomic_ref<uint64_t>;

}  // namespace

std::unique_ptr<FlowDirector> FlowDirector::open(int descriptor, Place place, bool exclusive) {
  struct stat status;
  if (::fstat(descriptor, &status) < 0 || size_t(status.st_size) < sizeof(FlowBoard)) {
    return nullptr;
  }
  void* memory =
      ::mmap(nullptr, sizeof(FlowBoard), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  if (memory == MAP_FAILED) return nullptr;
  std::unique_ptr<FlowBoard, Unmap> board(static_cast<FlowBoard*>(memory));
  bool fits = board->version == FlowBoard::current_version && board->shifts > 0 &&
              board->shifts <= FlowBoard::max_shifts && place.shift < board->shifts &&
              place.worker < FlowBoard::max_workers;
  if (!fits) return nullptr;
  auto director = std::make_unique<FlowDirector>(*board, place, exclusive);
  director->mapped_ = std::move(board);
  return director;
}

void FlowDirector::Unmap::operator()(FlowBoard* board) const { ::munmap(board, sizeof *board); }

FlowDirector::FlowDirector(FlowBoard& board, Place place, bool exclusive)
    : board_(board), place_(place), exclusive_(exclusive) {}

// --- What is known of all ---

FlowDirector::State FlowDirector::state_of(Place place) const {
  return State(board_.states[place.shift][place.worker % FlowBoard::max_workers]);
}

FlowDirector::State FlowDirector::unlisted(Place place) const {
  return State(board_.unlisted[place.shift][place.worker % FlowBoard::max_workers]);
}

uint8_t FlowDirector::serving_shift() const {
  return State(board_.serving_shift).load(std::memory_order_acquire) % FlowBoard::max_shifts;
}

/// All incarnations as one word.
uint32_t FlowDirector::occupied() const {
  static_assert(sizeof board_.incarnations == sizeof(uint32_t));
  static_assert(offsetof(FlowBoard, incarnations) % sizeof(uint32_t) == 0);
  return std::atomic_ref(*reinterpret_cast<uint32_t*>(board_.incarnations))
      .load(std::memory_order_relaxed);
}

/// There are other shifts.
bool FlowDirector::others() const {
  for (uint8_t shift = 0; shift < board_.shifts; ++shift) {
    if (shift != place_.shift && board_.incarnations[shift]) return true;
  }
  return false;
}

bool FlowDirector::leaving() const {
  for (uint8_t shift = 0; shift < board_.shifts; ++shift) {
    if (shift == place_.shift || !board_.incarnations[shift]) continue;
    if (!serves() || state_of({shift, 0}).load() <= FlowBoard::waiting) return true;
  }
  return false;
}

bool FlowDirector::serves() const { return serving_shift() == place_.shift; }

bool FlowDirector::retired() const {
  uint8_t state = state_of(place_).load(std::memory_order_relaxed);
  return state == FlowBoard::retired || state == FlowBoard::deaf;
}

void FlowDirector::become_deaf() { state_of(place_).store(FlowBoard::deaf); }

void FlowDirector::listen_on(uint16_t port) {
  Entry(board_.listening[port / 64]).fetch_or(uint64_t{1} << port % 64);
}

bool FlowDirector::listening(uint16_t port) const {
  return board_.listening[port / 64] >> port % 64 & 1;
}

bool FlowDirector::update(uint64_t now_ms) {
  now_ms_ = now_ms;
  uint32_t now = occupied();
  if (now != alone_) {
    bool single = board_.workers[place_.shift] == 1 && !others() && serves();
    if (single) unclaimed(place_);
    alone_ = single ? now : 0;
  }
  bool has_served = state_of(place_).load(std::memory_order_relaxed) == FlowBoard::serving;
  if (!has_served || serves()) {
    superseded_at_ = 0;
    return false;
  }
  if (!superseded_at_) superseded_at_ = now_ms;
  return now_ms - superseded_at_ >= publish_ms;
}

// --- Whose a frame is ---

int FlowDirector::owner_of(std::span<const uint8_t> bytes) {
  if (alone_ && alone_ == occupied()) return here;
  Frame frame = Frame::read(bytes);
  if (frame.kind == Frame::Kind::other) return here;
  Place owner =
      frame.kind == Frame::Kind::echo ? worker_of(serving_shift(), 0) : owner_of_flow(frame);
  if (owner == place_) return here;
  return exclusive_ || owner.shift != place_.shift ? nobody : owner.worker;
}

FlowDirector::Place FlowDirector::owner_of_flow(const Frame& frame) {
  uint16_t port = frame.flow.local_port();
  if (!listening(port)) {
    if (std::optional<Place> owner = owner_of_port(port)) return *owner;
  }
  uint64_t hash = frame.flow.hash(board_.key);
  bool several = others();
  if (frame.kind == Frame::Kind::syn) return owner_of_new(hash, several);
  if (frame.kind == Frame::Kind::tcp && several) return owner_of_old(hash);
  // A datagram of a connection that another shift has goes there by its connection ID.
  return worker_of(serving_shift(), hash);
}

/// Of a connection that one of us has begun.
std::optional<FlowDirector::Place> FlowDirector::owner_of_port(uint16_t port) const {
  if (port < FlowBoard::first_port) return std::nullopt;
  uint32_t number = port - FlowBoard::first_port, each = FlowBoard::ports / board_.shifts;
  uint32_t shift = number / each;
  if (shift >= board_.shifts || !board_.incarnations[shift] || !board_.workers[shift]) {
    return std::nullopt;
  }
  uint32_t worker = number % each / (each / board_.workers[shift]);
  if (worker >= board_.workers[shift]) return std::nullopt;
  return Place{uint8_t(shift), uint8_t(worker)};
}

FlowDirector::Place FlowDirector::worker_of(uint8_t shift, uint64_t hash) const {
  const uint8_t workers = std::max<uint8_t>(board_.workers[shift], 1);
  Place place{shift, uint8_t(hash % workers)};
  for (uint8_t tried = 0; tried < workers; ++tried) {
    if (state_of(place).load(std::memory_order_relaxed) != FlowBoard::elsewhere) break;
    place.worker = uint8_t((place.worker + 1) % workers);
  }
  return place;
}

/// The first who claims it has it, so that workers which learn of a hand-over at different moments
/// neither both take a connection nor both leave it. Those that are in the making stay where they
/// are; the table keeps no others from a new connection between the same ports.
FlowDirector::Place FlowDirector::owner_of_new(uint64_t hash, bool several) {
  uint8_t shift = serving_shift();
  if (!several) return unclaimed(worker_of(shift, hash));
  std::optional<Place> known = find(hash);
  if (known && (known->shift == shift || state_of(*known).load() == FlowBoard::serving)) {
    return *known;
  }
  if (was_just_superseded()) shift = place_.shift;
  Place owner = worker_of(shift, hash);
  bool ours = owner == place_ || (!exclusive_ && owner.shift == place_.shift);
  return ours ? claim(hash, owner, known) : owner;
}

FlowDirector::Place FlowDirector::unclaimed(Place owner) {
  if (!unlisted(owner).load(std::memory_order_relaxed)) unlisted(owner).store(1);
  return owner;
}

bool FlowDirector::was_just_superseded() const {
  if (serves() || state_of(place_).load() != FlowBoard::serving) return false;
  return !superseded_at_ || now_ms_ - superseded_at_ < claim_ms;
}

/// What nobody has claimed belongs to those who served before there were claims, whoever serves
/// now, until they have published what is theirs. Then it can only be a claim that the table has
/// lost. The table comes last: somebody may publish meanwhile.
FlowDirector::Place FlowDirector::owner_of_old(uint64_t hash) const {
  const uint8_t now = serving_shift();
  std::optional<Place> before, superseded;
  for (uint8_t shift = 0; shift < board_.shifts; ++shift) {
    if (!board_.incarnations[shift]) continue;
    Place place = worker_of(shift, hash);
    if (unlisted(place).load(std::memory_order_acquire)) before = place;
    if (shift != now && state_of(place).load() == FlowBoard::serving) superseded = place;
  }
  if (std::optional<Place> known = find(hash)) return *known;
  return before ? *before : superseded.value_or(worker_of(now, hash));
}

// --- The table ---

uint64_t FlowDirector::entry(uint64_t hash, Place place, bool kept) const {
  return tag_of(hash) | in_use | (kept ? kept_bit : 0) | uint64_t{place.shift} << shift_at |
         uint64_t{place.worker} << worker_at | board_.incarnations[place.shift];
}

/// None for what a shift that is gone has left.
std::optional<FlowDirector::Place> FlowDirector::place_in(uint64_t entry) const {
  if (!(entry & in_use)) return std::nullopt;
  Place place{uint8_t(entry >> shift_at & 3), uint8_t(entry >> worker_at & 0x7f)};
  if ((entry & incarnation_bits) != board_.incarnations[place.shift]) return std::nullopt;
  return place;
}

std::optional<FlowDirector::Place> FlowDirector::find(uint64_t hash) const {
  for (uint64_t& word : board_.flows[hash % FlowBoard::buckets]) {
    uint64_t value = Entry(word).load(std::memory_order_acquire);
    if (tag_of(value) != tag_of(hash)) continue;
    if (std::optional<Place> place = place_in(value)) return place;
  }
  return std::nullopt;
}

FlowDirector::Place FlowDirector::claim(uint64_t hash, Place place,
                                        std::optional<Place> instead_of) {
  uint64_t(&bucket)[FlowBoard::bucket_size] = board_.flows[hash % FlowBoard::buckets];
  const uint64_t wanted = entry(hash, place, false);
  for (int attempt = 0; attempt < 4; ++attempt) {
    uint64_t* room = nullptr;
    uint64_t before = 0;
    for (uint64_t& word : bucket) {
      uint64_t value = Entry(word).load(std::memory_order_acquire);
      std::optional<Place> owner = place_in(value);
      if (owner && tag_of(value) == tag_of(hash)) {
        if (owner != instead_of) return *owner;
        room = &word, before = value;
        break;
      }
      if (!owner && !room) room = &word, before = value;
    }
    // A full bucket gives up one that is just being made, the same for all who look.
    for (size_t i = 0; !room && i < FlowBoard::bucket_size; ++i) {
      uint64_t& word = bucket[(hash + i) % FlowBoard::bucket_size];
      uint64_t value = Entry(word).load(std::memory_order_acquire);
      if (!(value & kept_bit)) room = &word, before = value;
    }
    if (!room) return place;
    if (Entry(*room).compare_exchange_strong(before, wanted)) return place;
  }
  return place;
}

void FlowDirector::keep(const Flow& flow) {
  if (flow.empty() || !listening(flow.local_port())) return;
  uint64_t hash = flow.hash(board_.key);
  uint64_t(&bucket)[FlowBoard::bucket_size] = board_.flows[hash % FlowBoard::buckets];
  uint64_t* room = nullptr;
  for (uint64_t& word : bucket) {
    uint64_t value = Entry(word).load(std::memory_order_acquire);
    std::optional<Place> owner = place_in(value);
    bool same = owner && tag_of(value) == tag_of(hash);
    if (same && *owner != place_) return;  // the ports have another connection by now
    if (same || (!room && (!owner || !(value & kept_bit)))) room = &word;
    if (same) break;
  }
  if (room) Entry(*room).store(entry(hash, place_, true), std::memory_order_release);
}

}  // namespace sluice::net
