#include "proxy/upstream_group.h"

#include <algorithm>
#include <charconv>

#include "http/message.h"
#include "proxy/data_thread.h"
#include "proxy/runtime.h"
#include "proxy/upstream_zone.h"

namespace sluice {

namespace {

Peer read_peer(const plan::Node& node) {
  Peer peer;
  peer.server = node["server"].text();
  peer.weight = int32_t(node["weight"].integer(1));
  peer.max_connections = uint32_t(node["maxConns"].integer());
  peer.max_fails = uint32_t(node["maxFails"].integer(1));
  peer.fail_timeout = uint32_t(node["failTimeout"].integer(10'000) / 1000);
  peer.down = node["down"].boolean();
  return peer;
}

std::string_view take_word(std::string_view& text, char end) {
  std::string_view word = text.substr(0, text.find(end));
  text.remove_prefix(std::min(text.size(), word.size() + 1));
  return word;
}

}  // namespace

// A `server` of the configuration and what its name stands for now.
class UpstreamGroup::Resolved {
 public:
  Resolved(UpstreamGroup& group, const plan::Node& node)
      : group_(group), as_configured_(read_peer(node)), backup_(node["backup"].boolean()) {
    for (const plan::Node& text : node["addresses"].items()) add(text.text(), 0, backup_);
  }

  /// Begins with what the name was last known to stand for, and asks the control thread for its
  /// addresses, now and whenever they change: lines of `ADDRESS WEIGHT ROLE`; the address has a
  /// port if the name is that of a service, a weight of 0 is the configured one, the role is
  /// `primary` or `backup`.
  void watch(DataThread& thread, const plan::Node& node, std::string_view resolver, size_t number) {
    std::string name(node["name"].text());
    std::string service(node["service"].text());
    port_ = uint16_t(node["port"].integer());
    key_ = service + ' ' + name;
    if (group_.zone_) set(group_.zone_->find_addresses(group_.name_, key_));
    std::string kind = "peers/" + group_.name_ + '/' + std::to_string(number);
    std::string payload = kind + '\n' + std::string(resolver) + '\n' + name + '\n' + service;
    thread.on_news(
        kind, [](void* self, std::string_view news) { static_cast<Resolved*>(self)->change(news); },
        this);
    thread.ask(
        "watch", payload, 60'000, [](void*, bool, std::string_view) {}, nullptr);
  }

  void collect(PeerList& list) const {
    for (const auto& [peer, is_backup] : peers_)
      (is_backup ? list.backup : list.primary).push_back(peer);
  }

 private:
  void add(std::string_view address, int32_t weight, bool backup) {
    std::optional<net::Address> parsed = net::Address::parse(address, port_);
    if (!parsed) return;
    Peer peer = as_configured_;
    peer.address = *parsed;
    peer.name = peer.address.text();
    if (weight && peer.weight == 1) peer.weight = weight;
    peers_.push_back({std::move(peer), backup});
  }

  void change(std::string_view news) {
    set(news);
    if (group_.zone_) group_.zone_->keep_addresses(group_.name_, key_, news);
    group_.set_peers();
  }

  void set(std::string_view addresses) {
    peers_.clear();
    while (!addresses.empty()) {
      std::string_view line = take_word(addresses, '\n');
      std::string_view address = take_word(line, ' ');
      std::string_view number = take_word(line, ' ');
      int32_t weight = 0;
      std::from_chars(number.data(), number.data() + number.size(), weight);
      add(address, weight, backup_ || line == "backup");
    }
  }

  UpstreamGroup& group_;
  Peer as_configured_;
  bool backup_;
  uint16_t port_ = 0;  ///< where an address says none
  std::string key_;    ///< of the name in the group's zone
  std::vector<std::pair<Peer, bool>> peers_;
};

UpstreamGroup::UpstreamGroup() = default;
UpstreamGroup::~UpstreamGroup() = default;

std::unique_ptr<UpstreamGroup> UpstreamGroup::read(Runtime& runtime, const plan::Node& node) {
  std::unique_ptr<UpstreamGroup> group(new UpstreamGroup);
  group->name_ = node["name"].text();
  group->port_ = uint16_t(node["port"].integer());
  if (const plan::Node& zone = node["zone"]) {
    group->zone_ = UpstreamZone::map(runtime.thread.descriptor(zone.integer()));
    if (!group->zone_) runtime.fail("cannot map the zone of upstream \"" + group->name_ + '"');
  }
  group->sessions_ = std::make_unique<UpstreamSessions>(group->name_, group->zone_.get());
  if (const plan::Node& keepalive = node["keepalive"]) {
    UpstreamPool::Limits limits;
    limits.connections = uint32_t(keepalive["connections"].integer());
    limits.requests = uint32_t(keepalive["requests"].integer());
    limits.time = uint64_t(keepalive["time"].integer());
    limits.timeout = uint32_t(keepalive["timeout"].integer());
    group->pool_ = std::make_unique<UpstreamPool>(limits);
    group->pool_is_local_ = keepalive["local"].boolean();
  }
  for (const plan::Node& server : node["peers"].items()) {
    group->servers_.push_back(std::make_unique<Resolved>(*group, server));
    if (const plan::Node& name = server["resolve"]) {
      group->servers_.back()->watch(runtime.thread, name, node["resolver"].text(),
                                    group->servers_.size());
    }
  }
  group->set_peers();
  return group;
}

UpstreamGroup* UpstreamGroup::find(const Runtime& runtime, std::string_view host, uint16_t port,
                                   bool no_port) {
  for (const auto& group : runtime.upstreams) {
    bool port_fits = group->port_ == port || (group->port_ == 0 && no_port);
    if (port_fits && http::iequals(group->name_, host)) return group.get();
  }
  return nullptr;
}

void UpstreamGroup::set_peers() {
  auto list = std::make_shared<PeerList>();
  for (const auto& server : servers_) server->collect(*list);
  if (zone_) {
    list->settle(*zone_, name_);
  } else {
    list->settle();
  }
  peers_ = std::move(list);
}

std::shared_ptr<PeerList> PeerList::make(const std::vector<net::Address>& addresses) {
  auto list = std::make_shared<PeerList>();
  for (const net::Address& address : addresses) {
    Peer& peer = list->primary.emplace_back();
    peer.address = address;
    peer.name = address.text();
  }
  list->settle();
  return list;
}

void PeerList::settle() {
  single_ = primary.size() == 1 && backup.empty();
  for (std::vector<Peer>* peers : {&primary, &backup}) {
    for (Peer& peer : *peers) {
      peer.own_state.weight = peer.own_state.effective_weight = peer.weight;
      peer.state = &peer.own_state;
      tries_ += !peer.down;
    }
  }
}

void PeerList::settle(UpstreamZone& zone, std::string_view group) {
  settle();
  zone_ = &zone;
  group_ = group;
  SharedZone::Lock lock(zone.shared());
  for (std::vector<Peer>* peers : {&primary, &backup}) {
    for (Peer& peer : *peers) {
      if (PeerState* shared = zone.state(group, peer)) peer.state = shared;
    }
  }
}

PeerList::~PeerList() {
  if (!zone_) return;
  SharedZone::Lock lock(zone_->shared());
  for (const std::vector<Peer>* peers : {&primary, &backup}) {
    for (const Peer& peer : *peers) {
      if (peer.state != &peer.own_state) zone_->release(group_, peer);
    }
  }
}

}  // namespace sluice
