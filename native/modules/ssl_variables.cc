#include "modules/ssl_variables.h"

#include <openssl/pem.h>

#include <algorithm>
#include <cstdio>
#include <string>

#include "base/clock.h"
#include "base/encode.h"
#include "proxy/exchange.h"
#include "tls/client_ocsp.h"
#include "tls/openssl.h"

namespace sluice {

namespace {

Value copied(Exchange& exchange, std::string_view text) {
  return text.empty() ? Value::none() : Value::of(exchange.arena.copy(text));
}

/// A variable of the connection: none where it is plain, or what there is of it is empty.
using Getter = Value (*)(Exchange& exchange, SSL* ssl);
template <Getter get>
Value of_connection(Exchange& exchange, std::uintptr_t) {
  const auto& tls = exchange.downstream.connection().tls;
  return tls ? get(exchange, tls->ssl) : Value::none();
}

/// A variable of the client's certificate.
using CertificateGetter = Value (*)(Exchange& exchange, X509* certificate);
template <CertificateGetter get>
Value of_certificate(Exchange& exchange, SSL* ssl) {
  X509* certificate = SSL_get0_peer_certificate(ssl);
  return certificate ? get(exchange, certificate) : Value::none();
}

/// What `print` writes.
template <typename Print>
Value printed(Exchange& exchange, Print print) {
  tls::BioPtr bio(BIO_new(BIO_s_mem()));
  print(bio.get());
  char* text = nullptr;
  long size = BIO_get_mem_data(bio.get(), &text);
  return size > 0 ? copied(exchange, {text, size_t(size)}) : Value::none();
}

Value hexadecimal(Exchange& exchange, std::span<const unsigned char> bytes) {
  constexpr char digits[] = "0123456789abcdef";
  std::span<char> text = exchange.arena.text(2 * bytes.size());
  for (size_t i = 0; i < bytes.size(); ++i) {
    text[2 * i] = digits[bytes[i] >> 4];
    text[2 * i + 1] = digits[bytes[i] & 15];
  }
  return text.empty() ? Value::none() : Value::of({text.data(), text.size()});
}

// --- The connection ---

Value protocol(Exchange&, SSL* ssl) { return Value::of(SSL_get_version(ssl)); }

Value cipher(Exchange&, SSL* ssl) { return Value::of(SSL_get_cipher_name(ssl)); }

void add_item(std::string& list, const char* name, unsigned code) {
  if (!list.empty()) list += ':';
  if (name) {
    list += name;
  } else {
    char text[8];
    list.append(text, size_t(std::snprintf(text, sizeof text, "0x%04x", code & 0xffff)));
  }
}

Value ciphers(Exchange& exchange, SSL* ssl) {
  unsigned char* raw = nullptr;
  long width = SSL_get0_raw_cipherlist(ssl, nullptr);
  long size = SSL_get0_raw_cipherlist(ssl, &raw);
  std::string list;
  for (long at = 0; at + width <= size; at += width) {
    const SSL_CIPHER* known = SSL_CIPHER_find(ssl, raw + at);
    add_item(list, known ? SSL_CIPHER_get_name(known) : nullptr,
             unsigned(raw[at] << 8 | raw[at + 1]));
  }
  return copied(exchange, list);
}

const char* group_name(SSL* ssl, int nid) {
  return nid & TLSEXT_nid_unknown ? SSL_group_to_name(ssl, nid) : OBJ_nid2sn(nid);
}

Value curve(Exchange& exchange, SSL* ssl) {
  int nid = int(SSL_get_negotiated_group(ssl));
  if (nid == NID_undef) return Value::none();
  std::string name;
  add_item(name, group_name(ssl, nid), unsigned(nid));
  return copied(exchange, name);
}

Value curves(Exchange& exchange, SSL* ssl) {
  int count = int(SSL_get1_groups(ssl, nullptr));
  if (count <= 0) return Value::none();
  std::span<int> nids = exchange.arena.array<int>(size_t(count));
  SSL_get1_groups(ssl, nids.data());
  std::string list;
  for (int nid : nids) add_item(list, group_name(ssl, nid), unsigned(nid));
  return copied(exchange, list);
}

Value sigalg(Exchange& exchange, SSL* ssl) {
  const char* name = nullptr;
  return SSL_get0_signature_name(ssl, &name) ? copied(exchange, name) : Value::none();
}

Value client_sigalg(Exchange& exchange, SSL* ssl) {
  const char* name = nullptr;
  return SSL_get0_peer_signature_name(ssl, &name) ? copied(exchange, name) : Value::none();
}

Value sigalgs(Exchange& exchange, SSL* ssl) {
  std::string list;
  int count = SSL_get_sigalgs(ssl, -1, nullptr, nullptr, nullptr, nullptr, nullptr);
  for (int i = 0; i < count; ++i) {
    unsigned char signature = 0, hash = 0;
    SSL_get_sigalgs(ssl, i, nullptr, nullptr, nullptr, &signature, &hash);
    add_item(list, nullptr, unsigned(hash << 8 | signature));
  }
  return copied(exchange, list);
}

Value session_id(Exchange& exchange, SSL* ssl) {
  SSL_SESSION* session = SSL_get0_session(ssl);
  unsigned size = 0;
  const unsigned char* id = session ? SSL_SESSION_get_id(session, &size) : nullptr;
  return hexadecimal(exchange, {id, size});
}

Value session_reused(Exchange&, SSL* ssl) { return Value::of(SSL_session_reused(ssl) ? "r" : "."); }

// Until the handshake is complete, a request may be a replay (RFC 8470).
Value early_data(Exchange&, SSL* ssl) {
  return SSL_is_init_finished(ssl) ? Value::none() : Value::of("1");
}

Value server_name(Exchange& exchange, SSL* ssl) {
  const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  return name ? copied(exchange, name) : Value::none();
}

Value alpn_protocol(Exchange& exchange, SSL* ssl) {
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl, &name, &size);
  return copied(exchange, {reinterpret_cast<const char*>(name), size});
}

Value nothing(Exchange&, SSL*) { return Value::none(); }

// --- The client's certificate ---

Value raw_certificate(Exchange& exchange, X509* certificate) {
  return printed(exchange, [&](BIO* bio) { PEM_write_bio_X509(bio, certificate); });
}

// Fit for a header field, as it used to be: every line but the first begins with a tab.
Value folded_certificate(Exchange& exchange, X509* certificate) {
  std::string_view pem = raw_certificate(exchange, certificate).text;
  if (pem.empty()) return Value::none();
  pem.remove_suffix(1);
  std::string folded;
  for (char c : pem) {
    folded += c;
    if (c == '\n') folded += '\t';
  }
  return copied(exchange, folded);
}

Value escaped_certificate(Exchange& exchange, X509* certificate) {
  std::string_view pem = raw_certificate(exchange, certificate).text;
  return Value::of(escape(Escape::uri_component, pem, exchange.arena));
}

using NameOf = X509_NAME* (*)(const X509*);

template <NameOf name_of>
Value distinguished_name(Exchange& exchange, X509* certificate) {
  return printed(exchange, [&](BIO* bio) {
    X509_NAME_print_ex(bio, name_of(certificate), 0, XN_FLAG_RFC2253);
  });
}

template <NameOf name_of>
Value legacy_name(Exchange& exchange, X509* certificate) {
  char* line = X509_NAME_oneline(name_of(certificate), nullptr, 0);
  Value value = copied(exchange, line ? line : "");
  OPENSSL_free(line);
  return value;
}

Value serial(Exchange& exchange, X509* certificate) {
  return printed(exchange,
                 [&](BIO* bio) { i2a_ASN1_INTEGER(bio, X509_get0_serialNumber(certificate)); });
}

Value fingerprint(Exchange& exchange, X509* certificate) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (!X509_digest(certificate, EVP_sha1(), digest, &size)) return Value::none();
  return hexadecimal(exchange, {digest, size});
}

Value valid_from(Exchange& exchange, X509* certificate) {
  return printed(exchange,
                 [&](BIO* bio) { ASN1_TIME_print(bio, X509_get0_notBefore(certificate)); });
}

Value valid_to(Exchange& exchange, X509* certificate) {
  return printed(exchange,
                 [&](BIO* bio) { ASN1_TIME_print(bio, X509_get0_notAfter(certificate)); });
}

Value days_left(Exchange& exchange, X509* certificate) {
  int days = 0;
  int seconds = 0;
  if (!ASN1_TIME_diff(&days, &seconds, nullptr, X509_get0_notAfter(certificate))) {
    return Value::none();
  }
  return copied(exchange, std::to_string(std::max(days, 0)));
}

Value verification(Exchange& exchange, SSL* ssl) {
  if (!SSL_get0_peer_certificate(ssl)) return Value::of("NONE");
  long fault = SSL_get_verify_result(ssl);
  const char* text =
      fault == X509_V_OK ? tls::ClientOcsp::fault_of(ssl) : X509_verify_cert_error_string(fault);
  return text ? copied(exchange, std::string("FAILED:") + text) : Value::of("SUCCESS");
}

template <CertificateGetter get>
constexpr VariableGetter certificate_variable = of_connection<of_certificate<get>>;

constexpr VariableDefinition definitions[] = {
    {"ssl_protocol", of_connection<protocol>},
    {"ssl_cipher", of_connection<cipher>},
    {"ssl_ciphers", of_connection<ciphers>},
    {"ssl_curve", of_connection<curve>},
    {"ssl_curves", of_connection<curves>},
    {"ssl_sigalg", of_connection<sigalg>},
    {"ssl_sigalgs", of_connection<sigalgs>},
    {"ssl_session_id", of_connection<session_id>},
    {"ssl_session_reused", of_connection<session_reused>},
    {.name = "ssl_early_data", .get = of_connection<early_data>, .cacheable = false},
    {"ssl_server_name", of_connection<server_name>},
    {"ssl_alpn_protocol", of_connection<alpn_protocol>},
    {"ssl_ech_status", of_connection<nothing>},
    {"ssl_ech_outer_server_name", of_connection<nothing>},
    {"ssl_client_cert", certificate_variable<folded_certificate>},
    {"ssl_client_raw_cert", certificate_variable<raw_certificate>},
    {"ssl_client_escaped_cert", certificate_variable<escaped_certificate>},
    {"ssl_client_s_dn", certificate_variable<distinguished_name<X509_get_subject_name>>},
    {"ssl_client_i_dn", certificate_variable<distinguished_name<X509_get_issuer_name>>},
    {"ssl_client_s_dn_legacy", certificate_variable<legacy_name<X509_get_subject_name>>},
    {"ssl_client_i_dn_legacy", certificate_variable<legacy_name<X509_get_issuer_name>>},
    {"ssl_client_serial", certificate_variable<serial>},
    {"ssl_client_fingerprint", certificate_variable<fingerprint>},
    {"ssl_client_verify", of_connection<verification>},
    {"ssl_client_v_start", certificate_variable<valid_from>},
    {"ssl_client_v_end", certificate_variable<valid_to>},
    {"ssl_client_v_remain", certificate_variable<days_left>},
    {"ssl_client_sigalg", of_connection<client_sigalg>},
};

}  // namespace

const std::span<const VariableDefinition> ssl_variables = definitions;

}  // namespace sluice
