#include "tls/agreement.h"

#include <algorithm>
#include <cstdio>
#include <vector>

#include "base/byte_order.h"
#include "tls/client_ocsp.h"
#include "tls/context.h"

namespace sluice::tls {

namespace {

void add_item(std::string& list, const char* name, unsigned code) {
  if (!list.empty()) list += ':';
  if (name) {
    list += name;
  } else {
    char text[8];
    list.append(text, size_t(std::snprintf(text, sizeof text, "0x%04x", code & 0xffff)));
  }
}

void add_group(std::string& list, SSL* ssl, int nid) {
  bool unknown = nid & TLSEXT_nid_unknown;
  add_item(list, unknown ? SSL_group_to_name(ssl, nid) : OBJ_nid2sn(nid), unsigned(nid));
}

std::string ciphers_of(SSL* ssl) {
  unsigned char* raw = nullptr;
  long width = SSL_get0_raw_cipherlist(ssl, nullptr);
  long size = SSL_get0_raw_cipherlist(ssl, &raw);
  std::string list;
  for (long at = 0; at + width <= size; at += width) {
    const SSL_CIPHER* known = SSL_CIPHER_find(ssl, raw + at);
    add_item(list, known ? SSL_CIPHER_get_name(known) : nullptr,
             unsigned(big_endian(std::span(raw + at, 2))));
  }
  return list;
}

std::string groups_of(SSL* ssl) {
  std::string list;
  int count = int(SSL_get1_groups(ssl, nullptr));
  if (count <= 0) return list;
  std::vector<int> nids(static_cast<size_t>(count));
  SSL_get1_groups(ssl, nids.data());
  for (int nid : nids) add_group(list, ssl, nid);
  return list;
}

std::string signatures_of(SSL* ssl) {
  std::string list;
  int count = SSL_get_sigalgs(ssl, -1, nullptr, nullptr, nullptr, nullptr, nullptr);
  for (int i = 0; i < count; ++i) {
    unsigned char signature = 0, hash = 0;
    SSL_get_sigalgs(ssl, i, nullptr, nullptr, nullptr, &signature, &hash);
    add_item(list, nullptr, unsigned(hash << 8 | signature));
  }
  return list;
}

}  // namespace

Agreement::Agreement(SSL* ssl, bool with_offers)
    : protocol(SSL_get_version(ssl)),
      cipher(SSL_get_cipher_name(ssl)),
      resumed(SSL_session_reused(ssl)),
      context_(Context::of(ssl)),
      version_(uint16_t(SSL_version(ssl))) {
  if (int nid = int(SSL_get_negotiated_group(ssl)); nid != NID_undef) add_group(group, ssl, nid);
  SSL_get0_signature_name(ssl, &signature);
  if (const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name)) server_name = name;
  const unsigned char* selected = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl, &selected, &size);
  protocol_above.assign(reinterpret_cast<const char*>(selected), size);
  if (with_offers) {
    offers = std::make_unique<Offers>(Offers{ciphers_of(ssl), groups_of(ssl), signatures_of(ssl)});
  }
  complete(ssl);
}

void Agreement::complete(SSL* ssl) {
  early = !SSL_is_init_finished(ssl);
  client_certificate.reset(SSL_get1_peer_certificate(ssl));
  verify_result = SSL_get_verify_result(ssl);
  client_fault = ClientOcsp::fault_of(ssl);
  SSL_get0_peer_signature_name(ssl, &client_signature);
  const SSL_SESSION* session = SSL_get0_session(ssl);
  unsigned size = 0;
  const unsigned char* id = session ? SSL_SESSION_get_id(session, &size) : nullptr;
  session_id_size_ = uint8_t(size);
  std::copy_n(id, size, session_id_.begin());
}

// OpenSSL finds it by its name.
void Agreement::forget_session() const {
  SessionPtr named(SSL_SESSION_new());
  SSL_SESSION_set_protocol_version(named.get(), version_);
  SSL_SESSION_set1_id(named.get(), session_id_.data(), session_id_size_);
  SSL_CTX_remove_session(context_.get(), named.get());
}

}  // namespace sluice::tls
