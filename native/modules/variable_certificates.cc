#include "modules/variable_certificates.h"

#include <openssl/x509err.h>

#include "modules/ssl_variables.h"
#include "proxy/data_thread.h"
#include "proxy/exchange.h"
#include "tls/agreement.h"

namespace sluice {

namespace {

/// The client's side of an exchange that only computes variables: there is no request yet.
class NoRequest final : public http::Downstream {
 public:
  NoRequest(const Runtime& runtime, SSL* ssl, const Server& server,
            const http::ConnectionFacts& connection)
      : facts_(connection) {
    facts_.tls = std::make_shared<http::TlsFacts>(http::TlsFacts{
        std::make_shared<tls::Agreement>(ssl, asks_for_offers(runtime)), &server, {}});
  }
  void send_informational(uint16_t, const http::HeaderList&) override {}
  void send_head(Exchange&, bool) override {}
  void send_body(const http::Piece&) override {}
  void flush() override {}
  size_t unsent() const override { return 0; }
  void read_body(bool) override {}
  bool discard_body() override { return true; }
  void upgrade() override {}
  void finished(Exchange&, bool) override {}
  http::ConnectionFacts& connection() override { return facts_; }

 private:
  http::ConnectionFacts facts_;
};

std::string cannot_load(std::string_view what, const std::string& name, const std::string& error) {
  return "cannot load " + std::string(what) + " \"" + name + "\": " + error + tls::take_errors();
}

bool is_mismatch(unsigned long error) {
  return ERR_GET_LIB(error) == ERR_LIB_X509 && ERR_GET_REASON(error) == X509_R_KEY_VALUES_MISMATCH;
}

}  // namespace

std::unique_ptr<VariableCertificates> VariableCertificates::read(const plan::Node& conf) {
  const plan::Node& templates = conf["certificateTemplates"];
  if (!templates) return nullptr;
  tls::CertificateCache::Limits limits;
  if (const plan::Node& cache = conf["certificateCache"]) {
    limits = {.max = size_t(cache["max"].integer()),
              .inactive = cache["inactive"].integer(),
              .valid = cache["valid"].integer()};
  }
  std::unique_ptr<VariableCertificates> made(
      new VariableCertificates(tls::CertificateCache(limits, std::string(conf["folder"].text()))));
  for (const plan::Node& pair : templates.items()) {
    made->pairs_.emplace_back(Template::read(pair.at(0)), Template::read(pair.at(1)));
  }
  for (const plan::Node& password : conf["tls"]["passwords"].items()) {
    made->passwords_.emplace_back(password.text());
  }
  return made;
}

bool VariableCertificates::add(DataThread& thread, SSL* ssl, const Server& server,
                               const http::ConnectionFacts& connection) const {
  NoRequest downstream(thread.runtime(), ssl, server, connection);
  Exchange exchange(thread.runtime(), downstream);
  exchange.log_action = "SSL handshaking";
  return add(exchange, ssl);
}

bool VariableCertificates::add(Exchange& exchange, SSL* ssl) const {
  for (const auto& [certificate, key] : pairs_) {
    std::string_view certificate_name = certificate.evaluate(exchange);
    std::string_view key_name = key.evaluate(exchange);
    std::string error;
    if (add_pair(ssl, certificate_name, key_name, false, error)) continue;
    // Of a pair that has just been replaced, the cache may hold one half.
    if (is_mismatch(ERR_peek_last_error())) {
      ERR_clear_error();
      if (add_pair(ssl, certificate_name, key_name, true, error)) continue;
    }
    if (error.empty()) {
      error = "SSL_use_PrivateKey(\"" + std::string(key_name) + "\") failed" + tls::take_errors();
    }
    exchange.log(LogLevel::error, "%s", error.c_str());
    return false;
  }
  return true;
}

void VariableCertificates::append_names(Exchange& exchange, std::string& text) const {
  for (const auto& [certificate, key] : pairs_) {
    for (const Template* name : {&certificate, &key}) {
      text.append(name->evaluate(exchange)).push_back('\n');
    }
  }
}

bool VariableCertificates::add_pair(SSL* ssl, std::string_view certificate, std::string_view key,
                                    bool afresh, std::string& error) const {
  if (certificate.empty()) {
    SSL_certs_clear(ssl);
    return true;
  }
  std::string failed;
  STACK_OF(X509)* chain = cache_.chain(certificate, afresh, failed);
  if (!chain) {
    error = cannot_load("certificate", cache_.full_name(certificate), failed);
    return false;
  }
  STACK_OF(X509)* rest = sk_X509_dup(chain);
  X509* leaf = sk_X509_shift(rest);
  bool used = SSL_use_certificate(ssl, leaf) && SSL_set1_chain(ssl, rest);
  sk_X509_free(rest);
  if (!used) {
    error = "SSL_use_certificate(\"" + std::string(certificate) + "\") failed" + tls::take_errors();
    return false;
  }
  std::vector<std::string_view> passwords(passwords_.begin(), passwords_.end());
  EVP_PKEY* private_key = cache_.key(key, passwords, afresh, failed);
  if (!private_key) {
    error = cannot_load("certificate key", cache_.full_name(key), failed);
    return false;
  }
  return SSL_use_PrivateKey(ssl, private_key);
}

}  // namespace sluice
