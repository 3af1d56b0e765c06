#include "tls/session_cache.h"

#include "base/clock.h"
#include "base/counters.h"
#include "tls/cleanse.h"
#include "tls/client_hello.h"
#include "tls/context.h"
#include "tls/random.h"
#include "tls/server_handshake.h"
#include "tls/session_zone.h"

namespace sluice::tls {

namespace {

/// A larger one isn't kept: the client's certificates are part of it.
constexpr int largest_session = 16 * 1024;

/// For how long early data is known that has come, in seconds. OpenSSL refuses what is ten seconds
/// late (RFC 8446, 8.3); the rest is for clocks that differ.
constexpr int64_t early_data_window = 120;

int own_index() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

ZoneCache::Bytes id_of(const SSL_SESSION* session) {
  unsigned size = 0;
  const unsigned char* id = SSL_SESSION_get_id(session, &size);
  return {id, size};
}

int64_t end_of(const SSL_SESSION* session) {
  return Clock::of_thread().seconds() + SSL_SESSION_get_timeout(session);
}

int make_session_id(SSL*, unsigned char* id, unsigned* size) { return public_random({id, *size}); }

/// A session is good wherever certificates and authorities are the same.
void set_session_context(SSL_CTX* context, const Settings& settings) {
  std::unique_ptr<EVP_MD_CTX, Releaser<EVP_MD_CTX_free>> digest(EVP_MD_CTX_new());
  unsigned char bytes[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_DigestInit_ex(digest.get(), EVP_sha256(), nullptr);
  EVP_DigestUpdate(digest.get(), "HTTP", 4);
  for (const Settings::Identity& identity : settings.identities) {
    const std::string_view text = identity.certificate.text;
    EVP_DigestUpdate(digest.get(), text.data(), text.size());
  }
  for (std::string_view name : settings.certificate_names) {
    EVP_DigestUpdate(digest.get(), name.data(), name.size());
  }
  const STACK_OF(X509_NAME)* names = SSL_CTX_get_client_CA_list(context);
  for (int i = 0; i < sk_X509_NAME_num(names); ++i) {
    X509_NAME_digest(sk_X509_NAME_value(names, i), EVP_sha256(), bytes, &size);
    EVP_DigestUpdate(digest.get(), bytes, size);
  }
  EVP_DigestFinal_ex(digest.get(), bytes, &size);
  SSL_CTX_set_session_id_context(context, bytes, size);
}

}  // namespace

std::unique_ptr<SessionCache> SessionCache::install(SSL_CTX* context, const Settings& settings,
                                                    SessionZone* zone, SessionStore* store) {
  SSL_CTX_set_timeout(context, settings.session_timeout);
  SSL_CTX_set_generate_session_id(context, make_session_id);
  set_session_context(context, settings);
  if (!settings.session_tickets) SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
  if (zone || store) {
    std::unique_ptr<SessionCache> cache(new SessionCache(zone, store));
    SSL_CTX_set_session_cache_mode(
        context, SSL_SESS_CACHE_SERVER | SSL_SESS_CACHE_NO_AUTO_CLEAR | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_set_ex_data(context, own_index(), cache.get());
    SSL_CTX_sess_set_new_cb(context, on_new);
    SSL_CTX_sess_set_get_cb(context, on_get);
    SSL_CTX_sess_set_remove_cb(context, on_remove);
    return cache;
  }
  switch (settings.session_cache) {
    case Settings::SessionCache::off:
      SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
      break;
    case Settings::SessionCache::none:
      // Clients are told that sessions can be reused, and none is: some misbehave otherwise.
      SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_SERVER | SSL_SESS_CACHE_NO_AUTO_CLEAR |
                                                  SSL_SESS_CACHE_NO_INTERNAL_STORE);
      SSL_CTX_sess_set_cache_size(context, 1);
      break;
    case Settings::SessionCache::builtin:
    case Settings::SessionCache::shared:  // a zone that can't be used
      SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_SERVER);
      if (settings.session_cache_size) {
        SSL_CTX_sess_set_cache_size(context, settings.session_cache_size);
      }
      break;
  }
  return nullptr;
}

// 0: the session stays OpenSSL's.
int SessionCache::on_new(SSL* ssl, SSL_SESSION* session) {
  // Of a TLS 1.3 session with a ticket nothing has to be kept: OpenSSL just tells.
  bool stateless = SSL_version(ssl) == TLS1_3_VERSION && !(SSL_get_options(ssl) & SSL_OP_NO_TICKET);
  SessionCache* cache = Context::of(ssl).session_cache();
  if (cache && !stateless) cache->keep(ssl, session);
  return 0;
}

void SessionCache::keep(SSL* ssl, const SSL_SESSION* session) {
  int size = i2d_SSL_SESSION(session, nullptr);
  if (size <= 0 || size > largest_session) return;
  unsigned char bytes[largest_session];
  unsigned char* end = bytes;
  i2d_SSL_SESSION(session, &end);
  Bytes encoded(bytes, size_t(size));
  if (zone_ && zone_->sessions().put(id_of(session), encoded, end_of(session))) {
    Counters::of_thread().sessions_kept++;
  }
  if (store_) {
    store_->keep(id_of(session),
                 client_hello::lower_case(SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name)),
                 encoded, uint32_t(SSL_SESSION_get_timeout(session)));
  }
  cleanse(bytes, size_t(size));
}

void SessionCache::adopt(const SSL_SESSION* session, std::string_view bytes) {
  // A TLS 1.3 client comes back with another one.
  if (!zone_ || SSL_SESSION_get_protocol_version(session) == TLS1_3_VERSION) return;
  auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  zone_->sessions().put(id_of(session), {data, bytes.size()}, end_of(session));
}

SSL_SESSION* SessionCache::on_get(SSL* ssl, const unsigned char* id, int size, int* copy) {
  *copy = 0;  // the session is the caller's
  SessionCache* cache = Context::of(ssl).session_cache();
  ServerHandshake* handshake = ServerHandshake::of(ssl);
  if (!cache || !handshake) return nullptr;
  SessionLookup& lookup = handshake->session_lookup;
  // What the store has is known by now; with a zone alone mostly nothing was looked up yet.
  if (cache->store_ || lookup.has_searched() || lookup.is_replay())
    return lookup.take({id, size_t(size)}).release();
  SSL_SESSION* found = cache->find({id, size_t(size)});
  if (found) lookup.set_source(SessionLookup::Source::host);
  return found;
}

SSL_SESSION* SessionCache::find(Bytes id) {
  if (!zone_) return nullptr;
  Counters& counters = Counters::of_thread();
  std::string found;
  if (!zone_->sessions().get(id, Clock::of_thread().seconds(), found)) {
    counters.sessions_missed++;
    return nullptr;
  }
  auto* bytes = reinterpret_cast<const unsigned char*>(found.data());
  SSL_SESSION* session = d2i_SSL_SESSION(nullptr, &bytes, long(found.size()));
  cleanse(found.data(), found.size());
  if (session) counters.sessions_found++;
  return session;
}

SessionStore::Answer::EarlyData SessionCache::claim_early_data(Bytes digest) {
  using EarlyData = SessionStore::Answer::EarlyData;
  if (!zone_) return EarlyData::not_asked;
  int64_t now = Clock::of_thread().seconds();
  return zone_->sessions().claim(digest, now, now + early_data_window) ? EarlyData::first_use
                                                                       : EarlyData::replay;
}

void SessionCache::on_remove(SSL_CTX* context, SSL_SESSION* session) {
  auto* cache = static_cast<SessionCache*>(SSL_CTX_get_ex_data(context, own_index()));
  if (!cache) return;
  if (cache->zone_) cache->zone_->sessions().remove(id_of(session));
  if (cache->store_) cache->store_->remove(id_of(session));
}

}  // namespace sluice::tls
