#include "modules/ssl_variables.h"

#include <openssl/pem.h>

#include <algorithm>
#include <string>

#include "base/clock.h"
#include "base/encode.h"
#include "proxy/exchange.h"
#include "proxy/runtime.h"
#include "tls/agreement.h"

namespace sluice {

namespace {

Value copied(Exchange& exchange, std::string_view text) {
  return text.empty() ? Value::none() : Value::of(exchange.arena.copy(text));
}

/// A variable of the connection: none where it is plain, or what there is of it is empty.
using Getter = Value (*)(Exchange& exchange, const tls::Agreement& agreed);
template <Getter get>
Value of_connection(Exchange& exchange, std::uintptr_t) {
  const auto& tls = exchange.downstream.connection().tls;
  return tls ? get(exchange, *tls->agreement) : Value::none();
}

/// A variable of the client's certificate.
using CertificateGetter = Value (*)(Exchange& exchange, X509* certificate);
template <CertificateGetter get>
Value of_certificate(Exchange& exchange, const tls::Agreement& agreed) {
  X509* certificate = agreed.client_certificate.get();
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

using tls::Agreement;

/// One of OpenSSL's names; null: none.
Value named(const char* name) { return name ? Value::of(name) : Value::none(); }

Value protocol(Exchange&, const Agreement& agreed) { return named(agreed.protocol); }

Value cipher(Exchange&, const Agreement& agreed) { return named(agreed.cipher); }

Value curve(Exchange& exchange, const Agreement& agreed) { return copied(exchange, agreed.group); }

Value sigalg(Exchange&, const Agreement& agreed) { return named(agreed.signature); }

Value client_sigalg(Exchange&, const Agreement& agreed) { return named(agreed.client_signature); }

template <std::string Agreement::Offers::*offer>
Value offered(Exchange& exchange, const Agreement& agreed) {
  return agreed.offers ? copied(exchange, agreed.offers.get()->*offer) : Value::none();
}

Value session_id(Exchange& exchange, const Agreement& agreed) {
  return hexadecimal(exchange, agreed.session_id());
}

Value session_reused(Exchange&, const Agreement& agreed) {
  return Value::of(agreed.resumed ? "r" : ".");
}

// Until the handshake is complete, a request may be a replay (RFC 8470).
Value early_data(Exchange&, const Agreement& agreed) {
  return agreed.early ? Value::of("1") : Value::none();
}

Value server_name(Exchange& exchange, const Agreement& agreed) {
  return copied(exchange, agreed.server_name);
}

Value alpn_protocol(Exchange& exchange, const Agreement& agreed) {
  return copied(exchange, agreed.protocol_above);
}

Value nothing(Exchange&, std::uintptr_t) { return Value::none(); }

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

Value verification(Exchange& exchange, const Agreement& agreed) {
  if (!agreed.client_certificate) return Value::of("NONE");
  const char* fault = agreed.verify_result == X509_V_OK
                          ? agreed.client_fault
                          : X509_verify_cert_error_string(agreed.verify_result);
  return fault ? copied(exchange, std::string("FAILED:") + fault) : Value::of("SUCCESS");
}

template <CertificateGetter get>
constexpr VariableGetter certificate_variable = of_connection<of_certificate<get>>;

constexpr VariableDefinition definitions[] = {
    {"ssl_protocol", of_connection<protocol>},
    {"ssl_cipher", of_connection<cipher>},
    {"ssl_ciphers", of_connection<offered<&Agreement::Offers::ciphers>>},
    {"ssl_curve", of_connection<curve>},
    {"ssl_curves", of_connection<offered<&Agreement::Offers::groups>>},
    {"ssl_sigalg", of_connection<sigalg>},
    {"ssl_sigalgs", of_connection<offered<&Agreement::Offers::signatures>>},
    {"ssl_session_id", of_connection<session_id>},
    {"ssl_session_reused", of_connection<session_reused>},
    {.name = "ssl_early_data", .get = of_connection<early_data>, .cacheable = false},
    {"ssl_server_name", of_connection<server_name>},
    {"ssl_alpn_protocol", of_connection<alpn_protocol>},
    {"ssl_ech_status", nothing},
    {"ssl_ech_outer_server_name", nothing},
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

bool asks_for_offers(const Runtime& runtime) {
  return std::ranges::any_of(runtime.variables, [](const Variable& variable) {
    return variable.name == "ssl_ciphers" || variable.name == "ssl_curves" ||
           variable.name == "ssl_sigalgs";
  });
}

}  // namespace sluice
