#include "tls/session_cache.h"

namespace sluice::tls {

namespace {

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

void install_session_cache(SSL_CTX* context, const Settings& settings) {
  SSL_CTX_set_timeout(context, settings.session_timeout);
  set_session_context(context, settings);
  if (!settings.session_tickets) SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
  switch (settings.session_cache) {
    case Settings::SessionCache::off:
      SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
      return;
    case Settings::SessionCache::none:
      // Clients are told that sessions can be reused, and none is: some misbehave otherwise.
      SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_SERVER | SSL_SESS_CACHE_NO_AUTO_CLEAR |
                                                  SSL_SESS_CACHE_NO_INTERNAL_STORE);
      SSL_CTX_sess_set_cache_size(context, 1);
      return;
    case Settings::SessionCache::builtin:
    case Settings::SessionCache::shared:
      SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_SERVER);
      if (settings.session_cache_size) {
        SSL_CTX_sess_set_cache_size(context, settings.session_cache_size);
      }
      return;
  }
}

}  // namespace sluice::tls
