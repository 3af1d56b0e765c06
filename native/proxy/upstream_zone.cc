#include "proxy/upstream_zone.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <utility>

namespace sluice {

// Bytes that lie elsewhere in the zone, in room that the next ones may need no more of.
struct UpstreamZone::Content {
  uint64_t offset = 0;
  uint32_t size = 0;
  uint32_t room = 0;
};

// Of a peer or of a name. The zone's root is the first of a chain; what it is found by, `GROUP
// KEY`, follows the record.
struct UpstreamZone::Record {
  Offset<Record> next;
  uint32_t name_size;
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

}  // namespace

std::unique_ptr<UpstreamZone> UpstreamZone::map(int descriptor) {
  std::optional<SharedZone> zone = SharedZone::map(Descriptor(::dup(descriptor)));
  if (!zone) return nullptr;
  return std::unique_ptr<UpstreamZone>(new UpstreamZone(std::move(*zone)));
}

UpstreamZone::Record* UpstreamZone::find(std::string_view group, std::string_view key) {
  auto is_wanted = [&](const Record* record) {
    std::string_view name(reinterpret_cast<const char*>(record + 1), record->name_size);
    return name.size() == group.size() + 1 + key.size() && name.starts_with(group) &&
           name.ends_with(key) && name[group.size()] == ' ';
  };
  for (Offset<Record> at{zone_.root()}; at;) {
    Record* record = zone_.at(at);
    if (is_wanted(record)) return record;
    at = record->next;
  }
  return nullptr;
}

UpstreamZone::Record* UpstreamZone::find_or_make(std::string_view group, std::string_view key) {
  if (Record* record = find(group, key)) return record;
  std::string name = std::string(group) + ' ' + std::string(key);
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
  Record* record = find_or_make(group, peer.name);
  if (!record) return nullptr;
  if (record->state.weight != peer.weight) {
    record->state.weight = record->state.effective_weight = peer.weight;
    record->state.current_weight = 0;
  }
  return &record->state;
}

tls::SessionPtr UpstreamZone::find_session(std::string_view group, std::string_view peer,
                                           std::string_view identity) {
  std::string bytes;
  auto wanted = digest(identity);
  {
    SharedZone::Lock lock(zone_);
    const Record* record = find(group, peer);
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
  Record* record = find(group, peer);
  if (!record) return;
  record->content.size = 0;
  std::memcpy(record->session_identity, said.data(), said.size());
  fill(record->content, {reinterpret_cast<const char*>(bytes), size_t(size)});
}

std::string UpstreamZone::find_addresses(std::string_view group, std::string_view name) {
  SharedZone::Lock lock(zone_);
  const Record* record = find(group, name);
  return record ? std::string(read(record->content)) : std::string();
}

void UpstreamZone::keep_addresses(std::string_view group, std::string_view name,
                                  std::string_view addresses) {
  SharedZone::Lock lock(zone_);
  if (Record* record = find_or_make(group, name)) fill(record->content, addresses);
}

}  // namespace sluice
