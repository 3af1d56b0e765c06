#include "tls/server_handshake.h"

#include <optional>

#include "base/counters.h"

namespace sluice::tls {

namespace {

/// The one host name of a server_name extension: a list's length, its type, its own length, itself.
/// Nothing when that isn't what it is.
std::optional<std::string_view> host_name(std::span<const unsigned char> extension) {
  constexpr size_t overhead = 5;
  auto number = [&](size_t at) { return size_t(extension[at]) << 8 | extension[at + 1]; };
  if (extension.size() < overhead || number(0) + 2 != extension.size() ||
      extension[2] != TLSEXT_NAMETYPE_host_name || number(3) + overhead != extension.size()) {
    return std::nullopt;
  }
  return std::string_view(reinterpret_cast<const char*>(extension.data()) + overhead, number(3));
}

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
  bool stateful =
      session_source != SessionSource::none || (SSL_get_options(ssl) & SSL_OP_NO_TICKET);
  if (!SSL_session_reused(ssl)) {
    counters.tls_full++;
  } else if (stateful) {
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
}

// Before the version is chosen: a server's own ssl_protocols count.
int ServerHandshake::on_client_hello(SSL* ssl, int* alert, void*) {
  const unsigned char* extension = nullptr;
  size_t size = 0;
  std::string_view name;
  if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &extension, &size)) {
    std::optional<std::string_view> said = host_name({extension, size});
    *alert = said ? SSL_AD_UNRECOGNIZED_NAME : SSL_AD_DECODE_ERROR;
    if (!said || said->size() > TLSEXT_MAXLEN_host_name || said->find('\0') != said->npos) {
      return SSL_CLIENT_HELLO_ERROR;
    }
    name = *said;
  }
  ServerHandshake* handshake = of(ssl);
  const Context* context = handshake ? handshake->choose(name) : nullptr;
  if (!context) {
    *alert = SSL_AD_UNRECOGNIZED_NAME;
    return SSL_CLIENT_HELLO_ERROR;
  }
  use_context(ssl, *context);
  return SSL_CLIENT_HELLO_SUCCESS;
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

int ServerHandshake::on_certificate(SSL* ssl, void*) {
  ServerHandshake* handshake = of(ssl);
  return handshake && handshake->add_certificates(ssl);
}

}  // namespace sluice::tls
