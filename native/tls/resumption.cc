#include "tls/resumption.h"

namespace sluice::tls {

namespace {

std::optional<client_hello::Bytes> find_extension(SSL* ssl, unsigned type) {
  const unsigned char* bytes = nullptr;
  size_t size = 0;
  if (!SSL_client_hello_get0_ext(ssl, type, &bytes, &size)) return std::nullopt;
  return client_hello::Bytes(bytes, size);
}

bool speaks_tls13(SSL* ssl) {
  long most = SSL_get_max_proto_version(ssl);
  if ((SSL_get_options(ssl) & SSL_OP_NO_TLSv1_3) || (most && most < TLS1_3_VERSION)) return false;
  auto versions = find_extension(ssl, TLSEXT_TYPE_supported_versions);
  return versions && client_hello::offers_tls13(*versions);
}

}  // namespace

Resumption Resumption::asked_for(SSL* ssl) {
  Resumption asked;
  bool stateful = SSL_get_options(ssl) & SSL_OP_NO_TICKET;
  if (speaks_tls13(ssl)) {
    auto extension = find_extension(ssl, TLSEXT_TYPE_psk);
    auto psk = extension ? client_hello::first_psk(*extension) : std::nullopt;
    if (!psk) return asked;
    // OpenSSL's stateful tickets are session ids.
    if (stateful && psk->identity.size() == SSL_MAX_SSL_SESSION_ID_LENGTH) {
      asked.session = psk->identity;
    }
    if (find_extension(ssl, TLSEXT_TYPE_early_data)) asked.early_data = psk->identity;
    return asked;
  }
  auto ticket = find_extension(ssl, TLSEXT_TYPE_session_ticket);
  if (!stateful && ticket && !ticket->empty()) return asked;
  const unsigned char* id = nullptr;
  size_t size = SSL_client_hello_get0_session_id(ssl, &id);
  asked.session = {id, size};
  return asked;
}

}  // namespace sluice::tls
