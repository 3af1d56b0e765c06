#include "tls/provider.h"

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/provider.h>

#include "tls/dispatch.h"
#include "tls/hmac_algorithm.h"
#include "tls/key_schedule.h"
#include "tls/openssl.h"

namespace sluice::tls {

namespace {

using KdfPtr = std::unique_ptr<EVP_KDF, Releaser<EVP_KDF_free>>;

const OSSL_ALGORITHM* algorithms(void*, int operation, int* no_cache) {
  *no_cache = 0;
  switch (operation) {
    case OSSL_OP_KDF:
      return key_derivations();
    case OSSL_OP_MAC:
      return hmac_algorithm();
    default:
      return nullptr;
  }
}

int begin(const OSSL_CORE_HANDLE* handle, const OSSL_DISPATCH*, const OSSL_DISPATCH** functions,
          void** context) {
  static const OSSL_DISPATCH provider[] = {
      dispatched(OSSL_FUNC_PROVIDER_QUERY_OPERATION, algorithms),
      OSSL_DISPATCH_END,
  };
  *functions = provider;
  *context = const_cast<OSSL_CORE_HANDLE*>(handle);
  return 1;
}

}  // namespace

const char* provider_query() {
  // OpenSSL takes a query only of properties that it has met.
  static const bool loaded =
      OSSL_PROVIDER_add_builtin(nullptr, "sluice", begin) == 1 &&
      OSSL_PROVIDER_try_load(nullptr, "sluice", 1) &&
      KdfPtr(EVP_KDF_fetch(nullptr, OSSL_KDF_NAME_TLS1_3_KDF, provided_by_us));
  return loaded ? "?provider=sluice" : nullptr;
}

}  // namespace sluice::tls
