#include "tls/session_cache.h"

#include "base/clock.h"
#include "base/counters.h"
#include "tls/context.h"
#include "tls/server_handshake.h"
#include "tls/session_zone.h"

namespace sluice::tls {

namespace {

/// A larger one isn't kept: the client's certificates are part of it.
constexpr int largest_session = 16 * 1024;

int own_index() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

ZoneCache::Bytes id_of(const SSL_SESSION* session) {
  unsigned size = 0;
  const unsigned char* id = SSL_SESSION_get_id(session, &size);
  return {id, size};
}

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
                                                    SessionZone* zone) {
  SSL_CTX_set_timeout(context, settings.session_timeout);
  set_session_context(context, settings);
  if (!settings.session_tickets) SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
  if (zone) {
    std::unique_ptr<SessionCache> cache(new SessionCache(*zone));
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
  if (cache && !stateless) cache->keep(session);
  return 0;
}

void SessionCache::keep(const SSL_SESSION* session) {
  int size = i2d_SSL_SESSION(session, nullptr);
  if (size <= 0 || size > largest_session) return;
  unsigned char bytes[largest_session];
  unsigned char* end = bytes;
  i2d_SSL_SESSION(session, &end);
  int64_t expires = Clock::of_thread().seconds() + SSL_SESSION_get_timeout(session);
  if (zone_.sessions().put(id_of(session), {bytes, size_t(size)}, expires)) {
    Counters::of_thread().sessions_kept++;
  }
}

SSL_SESSION* SessionCache::on_get(SSL* ssl, const unsigned char* id, int size, int* copy) {
  *copy = 0;  // the session is the caller's
  SessionCache* cache = Context::of(ssl).session_cache();
  SSL_SESSION* found = cache ? cache->find({id, size_t(size)}) : nullptr;
  ServerHandshake* handshake = ServerHandshake::of(ssl);
  if (found && handshake) handshake->session_source = ServerHandshake::SessionSource::host;
  return found;
}

SSL_SESSION* SessionCache::find(ZoneCache::Bytes id) {
  std::string found;
  Counters& counters = Counters::of_thread();
  if (!zone_.sessions().get(id, Clock::of_thread().seconds(), found)) {
    counters.sessions_missed++;
    return nullptr;
  }
  counters.sessions_found++;
  auto* bytes = reinterpret_cast<const unsigned char*>(found.data());
  return d2i_SSL_SESSION(nullptr, &bytes, long(found.size()));
}

void SessionCache::on_remove(SSL_CTX* context, SSL_SESSION* session) {
  auto* cache = static_cast<SessionCache*>(SSL_CTX_get_ex_data(context, own_index()));
  if (cache) cache->zone_.sessions().remove(id_of(session));
}

}  // namespace sluice::tls
