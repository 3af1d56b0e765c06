#pragma once

#include <memory>
#include <span>
#include <vector>

#include "tls/openssl.h"
#include "tls/settings.h"
#include "tls/ticket_key.h"

namespace sluice::tls {

class SessionZone;
class TicketKeyRing;

/// The keys that a context's session tickets are sealed with (RFC 5077); the first one seals.
class TicketKeys {
 public:
  virtual ~TicketKeys() = default;

  /// Those of `ssl_session_ticket_key` files; else the ring's; else those that rotate in the zone;
  /// else the configuration's own, until it is read anew. Null when there are none at all.
  static std::unique_ptr<TicketKeys> install(SSL_CTX* context, const Settings& settings,
                                             SessionZone* zone, const TicketKeyRing* ring);

  /// What new tickets are sealed with; null: there is no key. Valid until the next call.
  const TicketKey* sealing();
  /// Whether a ticket is one of ours.
  bool have_sealed(std::span<const unsigned char> ticket);

 protected:
  std::vector<TicketKey> keys_;

 private:
  static int use(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                 EVP_MAC_CTX* mac, int encrypt);
  const TicketKey* find(const unsigned char* name) const;
  /// The same after a look for new keys.
  const TicketKey* search(const unsigned char* name);

  /// Has keys_ up to date; `unknown`: there is a ticket under a key that isn't among them.
  virtual void refresh(bool unknown) = 0;
};

}  // namespace sluice::tls
