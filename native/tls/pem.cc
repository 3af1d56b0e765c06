#include "tls/pem.h"

#include <openssl/pem.h>
#include <openssl/store.h>

#include <algorithm>
#include <cstring>

namespace sluice::tls {

namespace {

int give_password(char* into, int size, int, void* context) {
  const auto& password = *static_cast<const std::string_view*>(context);
  int length = std::min(size, int(password.size()));
  std::memcpy(into, password.data(), size_t(length));
  return length;
}

// Without this OpenSSL would ask at the terminal.
int no_password(char*, int, int, void*) { return -1; }

/// The end of the text is no error.
bool at_end() {
  unsigned long last = ERR_peek_last_error();
  if (ERR_GET_LIB(last) != ERR_LIB_PEM || ERR_GET_REASON(last) != PEM_R_NO_START_LINE) return false;
  ERR_clear_error();
  return true;
}

// https://nginx.org/en/docs/http/ngx_http_ssl_module.html#ssl_certificate_key: `store:scheme:id`.
KeyPtr load_from_store(const std::string& uri, std::string& error) {
  OSSL_STORE_CTX* store = OSSL_STORE_open(uri.c_str(), nullptr, nullptr, nullptr, nullptr);
  if (!store) {
    error = "OSSL_STORE_open() failed";
    return nullptr;
  }
  KeyPtr key;
  while (!key && !OSSL_STORE_eof(store)) {
    OSSL_STORE_INFO* info = OSSL_STORE_load(store);
    if (!info) continue;
    if (OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PKEY) {
      key.reset(OSSL_STORE_INFO_get1_PKEY(info));
    }
    OSSL_STORE_INFO_free(info);
  }
  OSSL_STORE_close(store);
  if (!key) error = "OSSL_STORE_load() failed";
  return key;
}

}  // namespace

BioPtr reading(std::string_view text) {
  return BioPtr(BIO_new_mem_buf(text.data(), int(text.size())));
}

ChainPtr load_chain(const Pem& pem, std::string& error) {
  BioPtr bio = reading(pem.text);
  ChainPtr chain(sk_X509_new_null());
  X509* certificate = PEM_read_bio_X509_AUX(bio.get(), nullptr, nullptr, nullptr);
  if (!certificate) {
    error = "PEM_read_bio_X509_AUX() failed";
    return nullptr;
  }
  while (certificate) {
    sk_X509_push(chain.get(), certificate);
    certificate = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr);
  }
  if (at_end()) return chain;
  error = "PEM_read_bio_X509() failed";
  return nullptr;
}

KeyPtr load_key(const Pem& pem, std::span<const std::string_view> passwords, std::string& error) {
  constexpr std::string_view store = "store:";
  if (pem.name.starts_with(store)) {
    return load_from_store(std::string(pem.name.substr(store.size())), error);
  }
  BioPtr bio = reading(pem.text);
  KeyPtr key;
  if (passwords.empty()) {
    key.reset(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr));
  }
  for (std::string_view password : passwords) {
    ERR_clear_error();
    (void)BIO_reset(bio.get());
    key.reset(PEM_read_bio_PrivateKey(bio.get(), nullptr, give_password, &password));
    if (key) break;
  }
  if (!key) error = "PEM_read_bio_PrivateKey() failed";
  return key;
}

CrlsPtr load_crls(const Pem& pem, std::string& error) {
  BioPtr bio = reading(pem.text);
  CrlsPtr list(sk_X509_CRL_new_null());
  while (X509_CRL* crl = PEM_read_bio_X509_CRL(bio.get(), nullptr, nullptr, nullptr)) {
    sk_X509_CRL_push(list.get(), crl);
  }
  if (sk_X509_CRL_num(list.get()) > 0 && at_end()) return list;
  error = "PEM_read_bio_X509_CRL() failed";
  return nullptr;
}

}  // namespace sluice::tls
