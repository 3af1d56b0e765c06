#include "proxy/upstream_sessions.h"

#include "proxy/upstream_zone.h"

namespace sluice {

namespace {

std::string joined(std::string_view peer, std::string_view identity) {
  return std::string(peer).append("\n").append(identity);
}

}  // namespace

tls::SessionPtr UpstreamSessions::find(std::string_view peer, std::string_view identity) {
  auto known = by_name_.find(joined(peer, identity));
  if (known == by_name_.end()) {
    return zone_ ? zone_->find_session(group_, peer, identity) : nullptr;
  }
  entries_.splice(entries_.begin(), entries_, known->second);
  // A copy: OpenSSL takes a session of TLS 1.3 for used up after one connection, and not every
  // server grants another one then.
  return tls::SessionPtr(SSL_SESSION_dup(known->second->session.get()));
}

void UpstreamSessions::keep(std::string_view peer, std::string_view identity,
                            tls::SessionPtr session) {
  if (zone_) zone_->keep_session(group_, peer, identity, session.get());
  std::string name = joined(peer, identity);
  auto known = by_name_.find(name);
  if (known != by_name_.end()) {
    known->second->session = std::move(session);
    entries_.splice(entries_.begin(), entries_, known->second);
    return;
  }
  entries_.push_front({std::move(name), std::move(session)});
  by_name_.emplace(entries_.front().name, entries_.begin());
  if (entries_.size() <= most) return;
  by_name_.erase(entries_.back().name);
  entries_.pop_back();
}

}  // namespace sluice
