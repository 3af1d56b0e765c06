#include "proxy/upstream_zone.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <unistd.h>

#include <array>
#include <cstring>

namespace sluice {

// The zone's root is the first of a chain; the name, `GROUP ADDRESS`, follows the record.
struct UpstreamZone::Record {
  Offset<Record> next;
  uint32_t name_size;
  PeerState state;
  uint64_t session = 0;  ///< its serialised form
  uint32_t session_size = 0;
  uint32_t session_room = 0;
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

UpstreamZone::Record* UpstreamZone::find(std::string_view group, std::string_view peer) {
  auto is_wanted = [&](const Record* record) {
    std::string_view name(reinterpret_cast<const char*>(record + 1), record->name_size);
    return name.size() == group.size() + 1 + peer.size() && name.starts_with(group) &&
           name.ends_with(peer) && name[group.size()] == ' ';
  };
  for (Offset<Record> at{zone_.root()}; at;) {
    Record* record = zone_.at(at);
    if (is_wanted(record)) return record;
    at = record->next;
  }
  return nullptr;
}

PeerState* UpstreamZone::state(std::string_view group, const Peer& peer) {
  if (Record* record = find(group, peer.name)) {
    if (record->state.weight != peer.weight) {
      record->state.weight = record->state.effective_weight = peer.weight;
      record->state.current_weight = 0;
    }
    return &record->state;
  }
  std::string name = std::string(group) + ' ' + peer.name;
  uint64_t offset = zone_.allocate(sizeof(Record) + name.size());
  if (!offset) return nullptr;
  Record* record = new (zone_.address(offset, sizeof(Record) + name.size())) Record{};
  record->next = Offset<Record>{zone_.root()};
  record->name_size = uint32_t(name.size());
  std::memcpy(record + 1, name.data(), name.size());
  record->state.weight = record->state.effective_weight = peer.weight;
  zone_.set_root(offset);
  return &record->state;
}

tls::SessionPtr UpstreamZone::find_session(std::string_view group, std::string_view peer,
                                           std::string_view identity) {
  unsigned char bytes[longest_session];
  size_t size = 0;
  auto wanted = digest(identity);
  {
    SharedZone::Lock lock(zone_);
    const Record* record = find(group, peer);
    if (!record || record->session_size > sizeof bytes ||
        std::memcmp(record->session_identity, wanted.data(), wanted.size()) != 0) {
      return nullptr;
    }
    const void* stored = zone_.address(record->session, record->session_size);
    if (!stored) return nullptr;
    size = record->session_size;
    std::memcpy(bytes, stored, size);
  }
  const unsigned char* at = bytes;
  tls::SessionPtr session(d2i_SSL_SESSION(nullptr, &at, long(size)));
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
  record->session_size = 0;
  if (record->session_room < uint32_t(size)) {
    if (record->session) zone_.free(record->session, record->session_room);
    record->session = zone_.allocate(size_t(size));
    record->session_room = record->session ? uint32_t(size) : 0;
    if (!record->session) return;
  }
  std::memcpy(zone_.address(record->session, size_t(size)), bytes, size_t(size));
  std::memcpy(record->session_identity, said.data(), said.size());
  record->session_size = uint32_t(size);
}

}  // namespace sluice
