#include <optional>

#include "base/clock.h"
#include "proxy/upstream_group.h"
#include "proxy/upstream_zone.h"

namespace sluice {

namespace {

// Locks the group's zone, if it has one.
class StateLock {
 public:
  explicit StateLock(UpstreamGroup* group) {
    if (group && group->zone()) lock_.emplace(group->zone()->shared());
  }

 private:
  std::optional<SharedZone::Lock> lock_;
};

bool usable(const Peer& peer, int64_t now) {
  const PeerState& state = *peer.state;
  if (peer.down) return false;
  if (peer.max_fails && state.fails >= peer.max_fails && now - state.checked <= peer.fail_timeout)
    return false;
  return !peer.max_connections || state.connections < peer.max_connections;
}

}  // namespace

PeerChoice::PeerChoice(UpstreamGroup* group, std::shared_ptr<PeerList> peers, Arena& arena)
    : group_(group), peers_(std::move(peers)) {
  tries = peers_->tries();
  if (peers_->single()) return;  // no need to tell who was tried
  words_ = (std::max(peers_->primary.size(), peers_->backup.size()) + 63) / 64;
  tried_ = words_ <= 1 ? &tried_here_ : arena.array<uint64_t>(words_).data();
}

PeerChoice::~PeerChoice() {
  if (current_) release(Outcome::done);
}

const Peer* PeerChoice::next() {
  StateLock lock(group_);
  if (peers_->single()) {
    Peer& peer = peers_->primary.front();
    if (peer.down || (peer.max_connections && peer.state->connections >= peer.max_connections))
      return nullptr;
    current_ = &peer;
  } else {
    if (!backup_) {
      if (!pick(peers_->primary)) {
        backup_ = true;
        clear_tried();
      }
    }
    if (!current_ && !pick(peers_->backup)) return nullptr;
  }
  current_->state->connections++;
  return current_;
}

// Smooth weighted round robin: everyone gains its weight, the one that is ahead is chosen and pays
// for all. https://nginx.org/en/docs/http/load_balancing.html; a failed peer regains its weight
// step by step.
const Peer* PeerChoice::pick(std::vector<Peer>& peers) {
  int64_t now = Clock::of_thread().seconds();
  int32_t total = 0;
  size_t chosen = 0;
  current_ = nullptr;
  for (size_t i = 0; i < peers.size(); ++i) {
    Peer& peer = peers[i];
    if (tried(i) || !usable(peer, now)) continue;
    PeerState& state = *peer.state;
    state.current_weight += state.effective_weight;
    total += state.effective_weight;
    if (state.effective_weight < peer.weight) state.effective_weight++;
    if (!current_ || state.current_weight > current_->state->current_weight) {
      current_ = &peer;
      chosen = i;
    }
  }
  if (!current_) return nullptr;
  PeerState& state = *current_->state;
  state.current_weight -= total;
  tried_[chosen / 64] |= uint64_t{1} << chosen % 64;
  if (now - state.checked > current_->fail_timeout) state.checked = now;
  return current_;
}

bool PeerChoice::release(Outcome outcome) {
  StateLock lock(group_);
  Peer& peer = *std::exchange(current_, nullptr);
  PeerState& state = *peer.state;
  state.connections--;
  if (peers_->single()) {
    state.fails = 0;
    tries = 0;
    return false;
  }
  bool disabled = false;
  if (outcome == Outcome::failed) {
    int64_t now = Clock::of_thread().seconds();
    state.fails++;
    state.accessed = state.checked = now;
    if (peer.max_fails) {
      state.effective_weight -= peer.weight / int32_t(peer.max_fails);
      disabled = state.fails >= peer.max_fails;
    }
    if (state.effective_weight < 0) state.effective_weight = 0;
  } else if (state.accessed < state.checked) {
    // It was tried again after its failures, and did well.
    state.fails = 0;
  }
  if (tries) tries--;
  return disabled;
}

void PeerChoice::clear_tried() { std::fill_n(tried_, words_, 0); }

}  // namespace sluice
