#include "tls/pem.h"

#include <openssl/pem.h>
#include <openssl/store.h>
#include <openssl/ui.h>

#include <algorithm>
#include <cstring>

#include "tls/engine_key.h"

namespace sluice::tls {

namespace {

struct Password {
  std::string_view text;
  bool asked = false;
};

int give_password(char* into, int size, int, void* context) {
  auto& password = *static_cast<Password*>(context);
  password.asked = true;
  int length = std::min(size, int(password.text.size()));
  std::memcpy(into, password.text.data(), size_t(length));
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

KeyPtr load_from_store(const std::string& uri, Password* password) {
  static UI_METHOD* const asking = UI_UTIL_wrap_read_pem_callback(give_password, 0);
  static UI_METHOD* const refusing = UI_UTIL_wrap_read_pem_callback(no_password, 0);
  KeyPtr key;
  OSSL_STORE_CTX* store =
      OSSL_STORE_open(uri.c_str(), password ? asking : refusing, password, nullptr, nullptr);
  while (store && !key && !OSSL_STORE_eof(store)) {
    OSSL_STORE_INFO* info = OSSL_STORE_load(store);
    if (info && OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PKEY) {
      key.reset(OSSL_STORE_INFO_get1_PKEY(info));
    }
    OSSL_STORE_INFO_free(info);
  }
  OSSL_STORE_close(store);
  return key;
}

KeyPtr load_from_text(std::string_view text, Password* password) {
  BioPtr bio = reading(text);
  return KeyPtr(PEM_read_bio_PrivateKey(bio.get(), nullptr, password ? give_password : no_password,
                                        password));
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

KeyPtr load_key(const Pem& pem, std::span<const std::string_view> passwords, std::string& error,
                bool* encrypted) {
  if (pem.name.starts_with(engine_prefix)) {
    ERR_clear_error();
    return load_engine_key(pem.name.substr(engine_prefix.size()), error);
  }
  bool stored = pem.name.starts_with(store_prefix);
  std::string uri(stored ? pem.name.substr(store_prefix.size()) : "");
  auto load = [&](Password* password) {
    ERR_clear_error();
    return stored ? load_from_store(uri, password) : load_from_text(pem.text, password);
  };
  KeyPtr key;
  if (passwords.empty()) key = load(nullptr);
  for (size_t i = 0; !key && i < passwords.size(); ++i) {
    Password password{passwords[i]};
    key = load(&password);
    if (encrypted) *encrypted = password.asked;
  }
  if (!key) error = stored ? "OSSL_STORE_load() failed" : "PEM_read_bio_PrivateKey() failed";
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
