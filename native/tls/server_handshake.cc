#include "tls/server_handshake.h"

#include "base/counters.h"
#include "tls/client_hello.h"
#include "tls/session_cache.h"

namespace sluice::tls {

namespace {

/// SSL_set_SSL_CTX() changes the certificates only.
void use_context(SSL* ssl, const Context& context) {
  SSL_CTX* to = context.get();
  if (SSL_get_SSL_CTX(ssl) == to) return;
  SSL_set_SSL_CTX(ssl, to);
  SSL_set_verify(ssl, SSL_CTX_get_verify_mode(to), SSL_CTX_get_verify_callback(to));
  SSL_set_verify_depth(ssl, SSL_CTX_get_verify_depth(to));
  // QUIC has switched that off for its connections, whatever a context says.
  bool compatible = SSL_get_options(ssl) & SSL_OP_ENABLE_MIDDLEBOX_COMPAT;
  SSL_clear_options(ssl, SSL_get_options(ssl) & ~SSL_CTX_get_options(to));
  SSL_set_options(ssl, SSL_CTX_get_options(to));
  if (!compatible) SSL_clear_options(ssl, SSL_OP_ENABLE_MIDDLEBOX_COMPAT);
}

}  // namespace

SslPtr ServerHandshake::begin(const Context& context) {
  SslPtr ssl = context.connection();
  SSL_set_app_data(ssl.get(), this);
  return ssl;
}

void ServerHandshake::complete(SSL* ssl) {
  Counters& counters = Counters::of_thread();
  bool kept = session_lookup.source() == SessionLookup::Source::host ||
              (SSL_get_options(ssl) & SSL_OP_NO_TICKET);
  if (!SSL_session_reused(ssl)) {
    counters.tls_full++;
  } else if (session_lookup.source() == SessionLookup::Source::store) {
    counters.tls_by_remote_session++;
  } else if (kept) {
    counters.tls_by_session++;
  } else {
    counters.tls_by_ticket++;
  }
  detach(ssl);
}

ServerHandshake* ServerHandshake::of(SSL* ssl) {
  return static_cast<ServerHandshake*>(SSL_get_app_data(ssl));
}

void ServerHandshake::install(SSL_CTX* context) {
  SSL_CTX_set_client_hello_cb(context, on_client_hello, nullptr);
  SSL_CTX_set_tlsext_servername_callback(context, on_server_name);
  SSL_CTX_set_alpn_select_cb(context, on_protocols, nullptr);
  SSL_CTX_set_cert_cb(context, on_certificate, nullptr);
  SSL_CTX_set_allow_early_data_cb(context, on_early_data, nullptr);
}

// Before the version is chosen: a server's own ssl_protocols count.
int ServerHandshake::on_client_hello(SSL* ssl, int* alert, void*) {
  ServerHandshake* handshake = of(ssl);
  if (handshake && handshake->session_lookup.goes_on()) return SSL_CLIENT_HELLO_SUCCESS;
  const unsigned char* extension = nullptr;
  size_t size = 0;
  std::string_view name;
  if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &extension, &size)) {
    std::optional<std::string_view> said = client_hello::host_name({extension, size});
    *alert = said ? SSL_AD_UNRECOGNIZED_NAME : SSL_AD_DECODE_ERROR;
    if (!said || said->size() > TLSEXT_MAXLEN_host_name || said->find('\0') != said->npos) {
      return SSL_CLIENT_HELLO_ERROR;
    }
    name = *said;
  }
  const Context* context = handshake ? handshake->choose(name) : nullptr;
  if (!context) {
    *alert = SSL_AD_UNRECOGNIZED_NAME;
    return SSL_CLIENT_HELLO_ERROR;
  }
  use_context(ssl, *context);
  SessionCache* cache = Context::of(ssl).session_cache();
  // A zone alone is asked when OpenSSL wants to know; a store takes its time.
  if (!cache || (!cache->store() && SSL_get_max_early_data(ssl) == 0)) {
    return SSL_CLIENT_HELLO_SUCCESS;
  }
  bool known = handshake->session_lookup.run(
      ssl, *cache, client_hello::lower_case(std::string(name).c_str()),
      [](void* self) { static_cast<ServerHandshake*>(self)->resume(); }, handshake);
  return known ? SSL_CLIENT_HELLO_SUCCESS : SSL_CLIENT_HELLO_RETRY;
}

// The name was used: the client is told so.
int ServerHandshake::on_server_name(SSL*, int*, void*) { return SSL_TLSEXT_ERR_OK; }

int ServerHandshake::on_protocols(SSL* ssl, const unsigned char** chosen, unsigned char* size,
                                  const unsigned char* offered, unsigned offered_size, void*) {
  ServerHandshake* handshake = of(ssl);
  if (!handshake) return SSL_TLSEXT_ERR_ALERT_FATAL;
  std::span<const unsigned char> spoken = handshake->protocols();
  unsigned char* found = nullptr;
  int outcome = SSL_select_next_proto(&found, size, spoken.data(), unsigned(spoken.size()), offered,
                                      offered_size);
  *chosen = found;
  return outcome == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

int ServerHandshake::on_early_data(SSL* ssl, void*) {
  ServerHandshake* handshake = of(ssl);
  return handshake && handshake->session_lookup.allows_early_data();
}

int ServerHandshake::on_certificate(SSL* ssl, void*) {
  ServerHandshake* handshake = of(ssl);
  return handshake && handshake->add_certificates(ssl);
}

}  // namespace sluice::tls
