#include "proxy/upstream_zone.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <utility>

namespace sluice {

// Bytes that lie elsewhere in the zone. Their room serves again for others that fit in.
struct UpstreamZone::Content {
  uint64_t offset = 0;
  uint32_t size = 0;
  uint32_t room = 0;
};

// What is known of a peer, or of a name. They form a chain that begins at the zone's root; behind
// each lies what it is found by: `GROUP PEER`, or `GROUP SERVICE NAME`.
struct UpstreamZone::Record {
  Offset<Record> next;
  uint32_t name_size = 0;
  uint32_t users = 0;  ///< lists that a peer is in; 0 for a name
  PeerState state;
  Content content;  ///< a peer's last TLS session, serialised; a name's addresses
  unsigned char session_identity[SHA256_DIGEST_LENGTH] = {};
};

namespace {

/// As nginx: longer ones are not kept.
constexpr size_t longest_session = 4096;

std::array<unsigned char, SHA256_DIGEST_LENGTH> digest(std::string_view text) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> made;
  EVP_Digest(text.data(), text.size(), made.data(), nullptr, EVP_sha256(), nullptr);
  return made;
}

std::string name_of(std::string_view group, std::string_view key) {
  return std::string(group) + ' ' + std::string(key);
}

}  // namespace

std::unique_ptr<UpstreamZone> UpstreamZone::map(int descriptor) {
  std::optional<SharedZone> zone = SharedZone::map(Descriptor(::dup(descriptor)));
  if (!zone) return nullptr;
  return std::unique_ptr<UpstreamZone>(new UpstreamZone(std::move(*zone)));
}

UpstreamZone::Record* UpstreamZone::find(std::string_view name) {
  for (Offset<Record> at{zone_.root()}; at;) {
    Record* record = zone_.at(at);
    if (std::string_view(reinterpret_cast<const char*>(record + 1), record->name_size) == name)
      return record;
    at = record->next;
  }
  return nullptr;
}

UpstreamZone::Record* UpstreamZone::find_or_make(std::string_view name) {
  if (Record* record = find(name)) return record;
  uint64_t offset = zone_.allocate(sizeof(Record) + name.size());
  if (!offset) return nullptr;
  Record* record = new (zone_.address(offset, sizeof(Record) + name.size())) Record{};
  record->next = Offset<Record>{zone_.root()};
  record->name_size = uint32_t(name.size());
  std::memcpy(record + 1, name.data(), name.size());
  zone_.set_root(offset);
  return record;
}

// Whoever dies in here leaves nothing rather than a half.
void UpstreamZone::fill(Content& content, std::string_view bytes) {
  content.size = 0;
  if (content.room < bytes.size()) {
    if (uint32_t room = std::exchange(content.room, 0)) zone_.free(content.offset, room);
    content.offset = zone_.allocate(bytes.size());
    if (!content.offset) return;
    content.room = uint32_t(bytes.size());
  }
  if (bytes.empty()) return;
  std::memcpy(zone_.address(content.offset, bytes.size()), bytes.data(), bytes.size());
  content.size = uint32_t(bytes.size());
}

std::string_view UpstreamZone::read(const Content& content) const {
  const void* bytes = content.size ? zone_.address(content.offset, content.size) : nullptr;
  if (!bytes) return {};
  return {static_cast<const char*>(bytes), content.size};
}

PeerState* UpstreamZone::state(std::string_view group, const Peer& peer) {
  Record* record = find_or_make(name_of(group, peer.name));
  if (!record) return nullptr;
  record->users++;
  if (record->state.weight != peer.weight) {
    record->state.weight = record->state.effective_weight = peer.weight;
    record->state.current_weight = 0;
  }
  return &record->state;
}

void UpstreamZone::release(std::string_view group, const Peer& peer) {
  Record* record = find(name_of(group, peer.name));
  if (!record || --record->users > 0) return;
  Offset<Record> gone = zone_.offset_of(record);
  if (zone_.root() == gone.value) {
    zone_.set_root(record->next.value);
  } else {
    Record* before = zone_.at(Offset<Record>{zone_.root()});
    while (before->next != gone) before = zone_.at(before->next);
    before->next = record->next;
  }
  if (record->content.room) zone_.free(record->content.offset, record->content.room);
  zone_.free(gone.value, sizeof(Record) + record->name_size);
}

tls::SessionPtr UpstreamZone::find_session(std::string_view group, std::string_view peer,
                                           std::string_view identity) {
  std::string bytes;
  auto wanted = digest(identity);
  {
    SharedZone::Lock lock(zone_);
    const Record* record = find(name_of(group, peer));
    if (!record || std::memcmp(record->session_identity, wanted.data(), wanted.size()) != 0) {
      return nullptr;
    }
    bytes = read(record->content);
  }
  if (bytes.empty()) return nullptr;
  const auto* at = reinterpret_cast<const unsigned char*>(bytes.data());
  tls::SessionPtr session(d2i_SSL_SESSION(nullptr, &at, long(bytes.size())));
  ERR_clear_error();
  return session;
}

void UpstreamZone::keep_session(std::string_view group, std::string_view peer,
                                std::string_view identity, SSL_SESSION* session) {
  unsigned char bytes[longest_session];
  int size = i2d_SSL_SESSION(session, nullptr);
  if (size <= 0 || size_t(size) > sizeof bytes) return;
  unsigned char* at = bytes;
  i2d_SSL_SESSION(session, &at);
  auto said = digest(identity);

  SharedZone::Lock lock(zone_);
  Record* record = find(name_of(group, peer));
  if (!record) return;
  record->content.size = 0;
  std::memcpy(record->session_identity, said.data(), said.size());
  fill(record->content, {reinterpret_cast<const char*>(bytes), size_t(size)});
}

std::string UpstreamZone::find_addresses(std::string_view group, std::string_view name) {
  SharedZone::Lock lock(zone_);
  const Record* record = find(name_of(group, name));
  return record ? std::string(read(record->content)) : std::string();
}

void UpstreamZone::keep_addresses(std::string_view group, std::string_view name,
                                  std::string_view addresses) {
  SharedZone::Lock lock(zone_);
  if (Record* record = find_or_make(name_of(group, name))) fill(record->content, addresses);
}

// In the master: whatever a worker has made of its memory, this ends.
void UpstreamZone::take_over(UpstreamZone& former) {
  SharedZone::Lock former_lock(former.zone_);
  SharedZone::Lock lock(zone_);
  size_t most = former.zone_.size() / sizeof(Record);
  for (Offset<Record> at{former.zone_.root()}; at && most > 0; --most) {
    const Record* known = former.zone_.at(at);
    if (!known) return;
    const void* named = former.zone_.address(at.value + sizeof(Record), known->name_size);
    if (!named) return;
    at = known->next;
    if (known->users > 0) continue;
    Record* record = find_or_make({static_cast<const char*>(named), known->name_size});
    if (!record) return;
    fill(record->content, former.read(known->content));
  }
}

}  // namespace sluice
