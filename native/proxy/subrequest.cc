#include "proxy/subrequest.h"

#include <algorithm>

#include "proxy/data_thread.h"

namespace sluice {

Subrequest* Subrequest::start(Exchange& parent, const Options& options, Done done, void* context) {
  if (parent.subrequests == 0) {
    parent.log(LogLevel::error, "subrequests cycle while processing \"%.*s\"",
               int(options.uri.size()), options.uri.data());
    return nullptr;
  }
  Subrequest* subrequest = parent.arena.make<Subrequest>(parent, options, done, context);
  parent.adopt(*subrequest, options.output == Output::in_place);
  parent.runtime.thread.at_turn_end(*subrequest);
  return subrequest;
}

Subrequest::Subrequest(Exchange& parent, const Options& options, Done done, void* context)
    : parent_(parent),
      exchange_(parent.runtime, *this),
      output_(options.output),
      done_(done),
      context_(context) {
  exchange_.prepare_subrequest(parent, options.uri, options.args, options.clone);
  if (output_ == Output::none) exchange_.header_only = true;
}

void Subrequest::send_body(const http::Piece& piece) {
  if (output_ == Output::in_place) parent_.postponed().write(*this, piece);
}

size_t Subrequest::unsent() const {
  if (output_ != Output::in_place) return 0;
  size_t waiting = parent_.postponed().waiting(*this);
  return waiting ? waiting : parent_.downstream.unsent();
}

void Subrequest::finished(Exchange&, bool) {
  if (output_ == Output::in_place) parent_.postponed().finish(*this);
  if (done_) done_(context_, *this);
  parent_.release_subrequest();
}

// --- The order of parts ---

void Postponed::keep(Part& part, const http::Piece& piece, Arena& arena) {
  http::Piece kept = piece;
  if (!kept.file && !kept.bytes.empty()) {
    std::string_view copy = arena.copy({kept.bytes.data(), kept.bytes.size()});
    kept.bytes = {copy.data(), copy.size()};
  }
  part.size += kept.size();
  part.pieces.push_back(std::move(kept));
}

void Postponed::hold(const http::Piece& piece) {
  if (parts_.back().subrequest) parts_.emplace_back();
  keep(parts_.back(), piece, parent_.arena);
}

Postponed::Part* Postponed::find(const Subrequest& subrequest) {
  auto found = std::ranges::find(parts_, &subrequest, &Part::subrequest);
  return found == parts_.end() ? nullptr : &*found;
}

void Postponed::write(Subrequest& from, const http::Piece& piece) {
  Part* part = find(from);
  if (!part || piece.size() == 0) return;
  http::Piece inner = piece;
  inner.last = false;  // of the subrequest only
  if (part == &parts_.front()) {
    parent_.deliver_postponed(inner);
  } else {
    keep(*part, inner, parent_.arena);
  }
}

// The first part waits for nobody here; its pieces may wait for the client.
size_t Postponed::waiting(const Subrequest& subrequest) const {
  auto found = std::ranges::find(parts_, &subrequest, &Part::subrequest);
  return found == parts_.end() || found == parts_.begin() ? 0 : found->size;
}

void Postponed::finish(Subrequest& subrequest) {
  if (Part* part = find(subrequest)) part->finished = true;
  advance();
}

void Postponed::release(Part& part) {
  for (const http::Piece& piece : std::exchange(part.pieces, {})) parent_.deliver_postponed(piece);
  part.size = 0;
}

void Postponed::advance() {
  while (!parts_.empty()) {
    Part& first = parts_.front();
    release(first);
    if (first.subrequest && !first.finished) {
      first.subrequest->exchange().on_writable();
      return;
    }
    parts_.erase(parts_.begin());
  }
}

}  // namespace sluice
