#include "tls/ticket_keys.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/clock.h"
#include "tls/context.h"
#include "tls/server_handshake.h"
#include "tls/session_zone.h"
#include "tls/ticket_key_ring.h"

namespace sluice::tls {

namespace {

class FileTicketKeys final : public TicketKeys {
 public:
  explicit FileTicketKeys(std::span<const std::string_view> files) {
    for (std::string_view file : files) keys_.push_back(TicketKey::parse(as_bytes(file)));
  }

 private:
  void refresh(bool) override {}
};

/// The keys of a session zone. Looked at once a second; a worker that has not seen the latest
/// rotation meanwhile seals with a key that the others still have.
class ZoneTicketKeys final : public TicketKeys {
 public:
  ZoneTicketKeys(SharedTicketKeys& shared, int64_t lifetime)
      : shared_(shared), lifetime_(lifetime) {}

 private:
  void refresh(bool unknown) override {
    int64_t now = Clock::of_thread().seconds();
    if (unknown ? now == searched_at_ : now == refreshed_at_) return;
    (unknown ? searched_at_ : refreshed_at_) = now;
    keys_ = shared_.rotate(now, lifetime_);
  }

  SharedTicketKeys& shared_;
  int64_t lifetime_;
  int64_t refreshed_at_ = 0, searched_at_ = 0;
};

/// The keys of all hosts, and behind them one of this host's: for as long as there are no others.
class RingTicketKeys final : public TicketKeys {
 public:
  RingTicketKeys(const TicketKeyRing& ring, std::string_view own)
      : ring_(ring), own_(TicketKey::parse(as_bytes(own))) {}

 private:
  void refresh(bool) override {
    if (version_ == ring_.version()) return;
    version_ = ring_.version();
    keys_ = ring_.keys();
    keys_.push_back(own_);
  }

  const TicketKeyRing& ring_;
  TicketKey own_;
  uint64_t version_ = 0;
};

}  // namespace

std::unique_ptr<TicketKeys> TicketKeys::install(SSL_CTX* context, const Settings& settings,
                                                SessionZone* zone, const TicketKeyRing* ring) {
  std::unique_ptr<TicketKeys> keys;
  if (!settings.ticket_keys.empty()) {
    keys = std::make_unique<FileTicketKeys>(settings.ticket_keys);
  } else if (ring && !settings.ticket_seed.empty()) {
    keys = std::make_unique<RingTicketKeys>(*ring, settings.ticket_seed);
  } else if (zone) {
    keys = std::make_unique<ZoneTicketKeys>(zone->ticket_keys(), settings.session_timeout);
  } else if (!settings.ticket_seed.empty()) {
    keys = std::make_unique<FileTicketKeys>(std::span(&settings.ticket_seed, 1));
  }
  if (keys) {
    SSL_CTX_set_tlsext_ticket_key_evp_cb(context, use);
  }
  return keys;
}

const TicketKey* TicketKeys::sealing() {
  refresh(false);
  return keys_.empty() ? nullptr : &keys_[0];
}

const TicketKey* TicketKeys::find(const unsigned char* name) const {
  auto found =
      std::ranges::find_if(keys_, [&](const TicketKey& key) { return key.has_name(name); });
  return found == keys_.end() ? nullptr : &*found;
}

const TicketKey* TicketKeys::search(const unsigned char* name) {
  refresh(false);
  if (const TicketKey* found = find(name)) return found;
  refresh(true);
  return find(name);
}

bool TicketKeys::have_sealed(std::span<const unsigned char> ticket) {
  if (ticket.size() < TicketKey::name_size) return false;
  const TicketKey* found = search(ticket.data());
  return found && found->has_sealed(ticket);
}

// 1: done; 2: done, and the client should have a new ticket; 0: not our ticket; -1: failure.
int TicketKeys::use(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                    EVP_MAC_CTX* mac, int encrypt) {
  TicketKeys* keys = Context::of(ssl).ticket_keys();
  if (!keys) return encrypt ? -1 : 0;
  if (encrypt) {
    const TicketKey* key = keys->sealing();
    return key && key->seal(name, iv, cipher, mac) ? 1 : -1;
  }
  ServerHandshake* handshake = ServerHandshake::of(ssl);
  if (handshake && handshake->session_lookup.is_replay()) return 0;
  const TicketKey* found = keys->search(name);
  if (!found) return 0;
  if (!found->open(iv, cipher, mac)) return -1;
  // A TLS 1.3 ticket is for one use, and renewing a TLS 1.2 one moves it to the key in force.
  return SSL_version(ssl) == TLS1_3_VERSION || found != &keys->keys_[0] ? 2 : 1;
}

}  // namespace sluice::tls
