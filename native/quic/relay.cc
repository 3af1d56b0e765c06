#include "quic/relay.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>

#include "base/bytes.h"
#include "base/clock.h"
#include "tls/hmac.h"

namespace sluice::quic {
namespace {

constexpr uint8_t own_rotation = ConnectionIdScheme::unroutable;
constexpr size_t tag_at = 1;
constexpr size_t tag_size = 16;
constexpr size_t head_size = tag_at + tag_size;
/// A unix socket's queue counts messages, and has few places: so they are large.
constexpr size_t max_message = 60'000;
/// Messages that are taken before other events get their turn.
constexpr int most_at_once = 64;
constexpr uint64_t presence_ms = 1000;

using Tag = std::array<uint8_t, tag_size>;

Tag tag_of(const std::string& key, std::span<const uint8_t> packets) {
  Tag tag;
  tls::Hmac(EVP_sha256(), as_bytes(key))(packets, tag);
  return tag;
}

void begin_message(std::vector<uint8_t>& message, uint8_t rotation) {
  message.assign(head_size, 0);
  message[0] = rotation;
}

void seal(std::vector<uint8_t>& message, const std::string& key) {
  Tag tag = tag_of(key, std::span(message).subspan(head_size));
  std::ranges::copy(tag, message.begin() + tag_at);
}

bool is_sealed(std::span<const uint8_t> message, const std::string& key) {
  Tag tag = tag_of(key, message.subspan(head_size));
  return CRYPTO_memcmp(tag.data(), &message[tag_at], tag.size()) == 0;
}

struct Name {
  sockaddr_un address = {};
  socklen_t size = 0;
};

/// src/quic/relay-sockets.ts binds them.
Name name_of(const std::string& prefix, const ConnectionIdScheme::Owner& owner) {
  std::string text =
      prefix + "-" + std::to_string(owner.worker) + "-" + std::to_string(owner.generation);
  Name name;
  name.address.sun_family = AF_UNIX;
  text.copy(name.address.sun_path + 1, sizeof name.address.sun_path - 1);
  name.size = socklen_t(offsetof(sockaddr_un, sun_path) + 1 + text.size());
  return name;
}

}  // namespace

Relay::Relay(net::Stack& stack, const ConnectionIdScheme& scheme, Settings settings)
    : stack_(stack), scheme_(scheme), settings_(std::move(settings)) {
  stack_.observe_turns(*this);
  auto own = [](void* self) {
    auto& relay = *static_cast<Relay*>(self);
    relay.receive(relay.settings_.socket, false);
  };
  auto peers = [](void* self) {
    auto& relay = *static_cast<Relay*>(self);
    if (relay.settings_.reads_peers) relay.receive(relay.settings_.peers_socket, true);
  };
  if (settings_.socket >= 0) stack_.watch(settings_.socket, own, this);
  if (settings_.reads_peers) stack_.watch(settings_.peers_socket, peers, this);
}

Relay::~Relay() {
  flush();
  stack_.forget_turns(*this);
  for (Endpoint* endpoint : endpoints_) endpoint->set_router(nullptr);
}

void Relay::add(Endpoint& endpoint) {
  endpoints_.push_back(&endpoint);
  endpoint.set_router(this);
}

// --- Out ---

bool Relay::route(const ConnectionIdScheme::Place& place, std::span<const uint8_t> id,
                  const net::Datagram& datagram, Endpoint::Origin origin) {
  if (origin == Endpoint::Origin::process) return false;
  if (!place.here && origin == Endpoint::Origin::wire) {
    auto peer = std::ranges::find(settings_.peers, place.host_id, &Peer::host_id);
    if (peer != settings_.peers.end()) return send_to_host(*peer, uint8_t(id[0] >> 5), datagram);
  }
  return place.owner != scheme_.self() && send_to_process(place.owner, datagram);
}

// Whether anybody is there has to be known now: else the packet is ours to answer.
bool Relay::send_to_process(const ConnectionIdScheme::Owner& owner, const net::Datagram& datagram) {
  std::optional<bool> there = is_there(owner);
  if (there == false) return false;
  auto batch = std::ranges::find(batches_, owner, &Batch::owner);
  if (batch == batches_.end()) {
    batches_.push_back({owner, {}});
    batch = batches_.end() - 1;
  }
  if (batch->message.size() + max_relayed_head + datagram.bytes.size() > max_message) flush(*batch);
  if (batch->message.empty()) begin_message(batch->message, own_rotation);
  if (!append_relayed(batch->message, datagram)) return false;
  return there || flush(*batch);
}

void Relay::flush() {
  for (Batch& batch : batches_) flush(batch);
  batches_.clear();
}

// A queue that is full loses packets, as any on their way may. False: nobody has it.
bool Relay::flush(Batch& batch) {
  if (batch.message.size() <= head_size) return true;
  seal(batch.message, settings_.key);
  Name name = name_of(settings_.name, batch.owner);
  ssize_t sent =
      ::sendto(settings_.socket, batch.message.data(), batch.message.size(),
               MSG_DONTWAIT | MSG_NOSIGNAL, reinterpret_cast<sockaddr*>(&name.address), name.size);
  bool there = sent >= 0 || errno != ECONNREFUSED;
  std::erase_if(presences_, [&](const Presence& each) { return each.owner == batch.owner; });
  presences_.push_back({batch.owner, there, Clock::of_thread().monotonic_ms() + presence_ms});
  batch.message.clear();
  return there;
}

std::optional<bool> Relay::is_there(const ConnectionIdScheme::Owner& owner) {
  uint64_t now = Clock::of_thread().monotonic_ms();
  std::erase_if(presences_, [&](const Presence& each) { return each.until_ms <= now; });
  auto known = std::ranges::find(presences_, owner, &Presence::owner);
  if (known == presences_.end()) return std::nullopt;
  return known->there;
}

// One packet a message: it may just fit into the path.
bool Relay::send_to_host(const Peer& peer, uint8_t rotation, const net::Datagram& datagram) {
  const std::string& key = settings_.peer_keys[rotation];
  if (key.empty()) return false;
  std::vector<uint8_t> message;
  begin_message(message, rotation);
  if (!append_relayed(message, datagram)) return false;
  seal(message, key);
  ::sendto(settings_.peers_socket, message.data(), message.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
           peer.address.data(), peer.address.size());
  return true;
}

// --- In ---

void Relay::stop_reading_peers() { settings_.reads_peers = false; }

void Relay::receive(int socket, bool from_host) {
  if (received_.empty()) received_.resize(65'536);
  for (int i = 0; i < most_at_once; ++i) {
    ssize_t size = ::recv(socket, received_.data(), received_.size(), MSG_DONTWAIT);
    if (size < 0) return;
    deliver(std::span(received_).first(size_t(size)), from_host);
  }
}

void Relay::deliver(std::span<const uint8_t> message, bool from_host) {
  if (message.size() <= head_size) return;
  const std::string* key = key_of(message[0], from_host);
  if (!key || !is_sealed(message, *key)) return;
  auto origin = from_host ? Endpoint::Origin::host : Endpoint::Origin::process;
  std::span<const uint8_t> rest = message.subspan(head_size);
  while (!rest.empty()) {
    std::optional<RelayedPacket> packet = take_relayed(rest);
    if (!packet) return;
    if (Endpoint* endpoint = endpoint_at(packet->local)) {
      endpoint->deliver(packet->datagram(), origin);
    }
  }
}

/// A host has no use for the key that processes of another one share.
const std::string* Relay::key_of(uint8_t rotation, bool from_host) const {
  if (!from_host) return rotation == own_rotation ? &settings_.key : nullptr;
  if (rotation >= own_rotation) return nullptr;
  const std::string& key = settings_.peer_keys[rotation];
  return key.empty() ? nullptr : &key;
}

/// Another host's address may be none of ours: then the port alone decides.
Endpoint* Relay::endpoint_at(const net::Address& local) {
  Endpoint* by_port = nullptr;
  for (Endpoint* endpoint : endpoints_) {
    const net::Address& address = endpoint->address();
    if (address.port() != local.port()) continue;
    if (address == local) return endpoint;
    bool same_family = address.family() == local.family();
    bool any = std::ranges::all_of(address.ip_bytes(), [](uint8_t byte) { return byte == 0; });
    if (same_family && (any || !by_port)) by_port = endpoint;
  }
  return by_port;
}

}  // namespace sluice::quic
