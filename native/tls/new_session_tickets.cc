#include "tls/new_session_tickets.h"

#include <algorithm>
#include <array>

#include "base/byte_order.h"
#include "tls/cleanse.h"
#include "tls/context.h"
#include "tls/hmac.h"
#include "tls/random.h"
#include "tls/record_keys.h"
#include "tls/session_encoding.h"
#include "tls/ticket_keys.h"

namespace sluice::tls::new_session_tickets {

namespace {

/// Seconds.
constexpr long longest_lifetime = 7 * 24 * 3600;

/// To be sent now: none where the handshake's state machine has sent them.
size_t owed(SSL* ssl) {
  if (SSL_version(ssl) != TLS1_3_VERSION || SSL_get_num_tickets(ssl) != 0) return 0;
  size_t configured = SSL_CTX_get_num_tickets(Context::of(ssl).get());
  return SSL_session_reused(ssl) ? std::min<size_t>(configured, 1) : configured;
}

/// As OpenSSL decides it: the session itself is in the ticket.
bool are_stateless(SSL* ssl) {
  uint64_t options = SSL_get_options(ssl);
  return !(options & SSL_OP_NO_TICKET) &&
         (SSL_get_max_early_data(ssl) == 0 || options & SSL_OP_NO_ANTI_REPLAY);
}

struct Ticket {
  uint64_t nonce;
  uint32_t age_add;
  uint32_t lifetime;    ///< seconds
  uint32_t early_data;  ///< the most bytes of it; 0: none may come
  std::span<const uint8_t> sealed;
};

void append_message(std::vector<uint8_t>& to, const Ticket& ticket) {
  auto put = [&to](uint64_t number, int width) {
    while (width > 0) to.push_back(uint8_t(number >> 8 * --width));
  };
  constexpr size_t fixed = 4 + 4 + 1 + sizeof ticket.nonce + 2 + 2, early_data_extension = 8;
  size_t extensions = ticket.early_data ? early_data_extension : 0;
  put(SSL3_MT_NEWSESSION_TICKET, 1);
  put(fixed + ticket.sealed.size() + extensions, 3);
  put(ticket.lifetime, 4);
  put(ticket.age_add, 4);
  put(sizeof ticket.nonce, 1);
  put(ticket.nonce, sizeof ticket.nonce);
  put(ticket.sealed.size(), 2);
  to.insert(to.end(), ticket.sealed.begin(), ticket.sealed.end());
  put(extensions, 2);
  if (extensions) {
    put(TLSEXT_TYPE_early_data, 2);
    put(sizeof ticket.early_data, 2);
    put(ticket.early_data, sizeof ticket.early_data);
  }
}

/// A ticket's own secret (RFC 8446, 4.6.1). Cleansed when it goes.
class Secret {
 public:
  Secret(const EVP_MD* digest, std::span<const uint8_t> resumption_secret, uint64_t nonce)
      : size_(size_t(EVP_MD_get_size(digest))) {
    uint8_t context[sizeof nonce];
    store_be64(context, nonce);
    LabelExpansion(digest, resumption_secret)("resumption", std::span(bytes_).first(size_),
                                              context);
  }
  ~Secret() { cleanse(bytes_); }
  std::span<const uint8_t> get() const { return std::span(bytes_).first(size_); }

 private:
  std::array<uint8_t, 48> bytes_;
  size_t size_;
};

/// $ssl_session_id is the last ticket's, as OpenSSL has it; a session in a ticket has none.
void give_id(SSL_SESSION* session) {
  unsigned char id[SSL_MAX_SSL_SESSION_ID_LENGTH];
  if (public_random(id)) SSL_SESSION_set1_id(session, id, sizeof id);
}

}  // namespace

void hold_back(SSL* ssl) { SSL_set_num_tickets(ssl, 0); }

std::optional<std::vector<uint8_t>> make(SSL* ssl, std::span<const uint8_t> resumption_secret) {
  size_t count = owed(ssl);
  if (count == 0) return std::vector<uint8_t>();
  const RecordSuite* suite = RecordSuite::agreed(ssl);
  TicketKeys* keys = Context::of(ssl).ticket_keys();
  const TicketKey* key = keys && are_stateless(ssl) ? keys->sealing() : nullptr;
  if (!suite || !key || resumption_secret.empty()) return std::nullopt;
  SSL_SESSION* session = SSL_get0_session(ssl);
  SessionEncoding encoding(ssl);
  std::vector<uint8_t> messages, sealed;
  for (uint64_t nonce = 0; nonce < count; ++nonce) {
    Secret secret(suite->digest, resumption_secret, nonce);
    uint8_t age_add[sizeof(uint32_t)];
    if (!public_random(age_add)) return std::nullopt;
    Ticket ticket{.nonce = nonce,
                  .age_add = uint32_t(big_endian(age_add)),
                  .lifetime = uint32_t(
                      std::clamp<long>(SSL_SESSION_get_timeout(session), 0, longest_lifetime)),
                  .early_data = SSL_get_max_early_data(ssl),
                  .sealed = {}};
    std::span<const uint8_t> encoded = encoding.with(secret.get(), ticket.age_add);
    if (encoded.empty() || !key->seal(encoded, sealed)) return std::nullopt;
    ticket.sealed = sealed;
    append_message(messages, ticket);
  }
  give_id(session);
  return messages;
}

void send_by_openssl(SSL* ssl) {
  size_t count = owed(ssl);
  if (count == 0) return;
  for (size_t i = 0; i < count; ++i) SSL_new_session_ticket(ssl);
  SSL_do_handshake(ssl);
}

}  // namespace sluice::tls::new_session_tickets
