#include "net/turn.h"

#include "base/clock.h"
#include "net/socket_stream.h"

namespace sluice::net {
namespace {

/// For how long what is in no hurry waits for company: longer than most answers take to come. A
/// timer that is near costs the kernel more at each wait than one that never fires.
constexpr uint64_t unhurried_ms = 100;

uint64_t read_clock() {
  Clock& clock = Clock::of_thread();
  clock.update();
  return clock.monotonic_ms();
}

}  // namespace

Turn::Turn()
    : timers_(read_clock()),
      read_buffer_(std::make_unique_for_overwrite<char[]>(SocketStream::max_read)) {
  hurry_.bind<&Turn::hurry>(this);
}

Turn::~Turn() { bury_closed(); }

void Turn::settle_later(Layer& layer) {
  if (!layer.ListHook<LayersToSettle>::linked()) unsettled_layers_.push_back(layer);
}

void Turn::settle_later(SocketStream& stream) {
  if (stream.unhurried_) stream.ListHook<ToFlush>::unlink();
  stream.unhurried_ = false;
  if (!stream.ListHook<ToFlush>::linked()) dirty_.push_back(stream);
}

void Turn::settle_unhurried(SocketStream& stream) {
  if (stream.ListHook<ToFlush>::linked()) return;
  stream.unhurried_ = true;
  unhurried_.push_back(stream);
  if (!hurry_.active()) hurry_.set(unhurried_ms);
}

void Turn::hurry() {
  for (SocketStream& stream : unhurried_) stream.unhurried_ = false;
  dirty_.splice(unhurried_);
}

void Turn::visit_later(Layer& layer) {
  if (!layer.ListHook<LayersToVisit>::linked()) waiting_layers_.push_back(layer);
}

void Turn::visit_later(SocketStream& stream) {
  if (!stream.ListHook<ToVisit>::linked()) waiting_.push_back(stream);
}

void Turn::bury(std::unique_ptr<Layer> layer) {
  layer->ListHook<LayersToSettle>::unlink();
  layer->ListHook<LayersToVisit>::unlink();
  closed_layers_.push_back(std::move(layer));
}

void Turn::bury(SocketStream& stream) {
  stream.ListHook<ToFlush>::unlink();
  stream.ListHook<ToVisit>::unlink();
  closed_.push_back(stream);
}

void Turn::settle() {
  while (!unsettled_layers_.empty()) unsettled_layers_.pop_front().settle();
  while (!dirty_.empty()) dirty_.pop_front().settle();
}

void Turn::begin() { timers_.update(read_clock()); }

void Turn::finish() {
  timers_.advance();
  flush();
  visit_waiting();
  // By position: an observer may be forgotten meanwhile.
  for (size_t i = 0; i < observers_.size(); ++i) observers_[i]->on_turn_end();
  flush();
  bury_closed();
}

/// Once each: what they leave waits for the next turn, so that nobody starves the rest.
void Turn::visit_waiting() {
  IntrusiveList<SocketStream, ToVisit> now;
  now.splice(waiting_);
  while (!now.empty()) {
    now.pop_front().visit();
    flush();
  }
  IntrusiveList<Layer, LayersToVisit> layers;
  layers.splice(waiting_layers_);
  while (!layers.empty()) {
    layers.pop_front().visit();
    flush();
  }
}

void Turn::bury_closed() {
  closed_layers_.clear();
  while (!closed_.empty()) std::unique_ptr<SocketStream>(&closed_.pop_front()).reset();
}

}  // namespace sluice::net
