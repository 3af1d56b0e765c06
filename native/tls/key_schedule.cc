// SHA-384 without the detour by EVP.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "tls/key_schedule.h"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <openssl/sha.h>

#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "tls/openssl.h"

namespace sluice::tls {

namespace {

using Bytes = std::span<const unsigned char>;
using KdfPtr = std::unique_ptr<EVP_KDF, Releaser<EVP_KDF_free>>;

constexpr size_t largest_digest = SHA384_DIGEST_LENGTH;

struct Sha256 {
  static constexpr size_t size = SHA256_DIGEST_LENGTH, block = SHA256_CBLOCK;
  SHA256_CTX state;
  void begin() { SHA256_Init(&state); }
  void add(Bytes bytes) { SHA256_Update(&state, bytes.data(), bytes.size()); }
  void end(unsigned char* digest) { SHA256_Final(digest, &state); }
};

struct Sha384 {
  static constexpr size_t size = SHA384_DIGEST_LENGTH, block = SHA512_CBLOCK;
  SHA512_CTX state;
  void begin() { SHA384_Init(&state); }
  void add(Bytes bytes) { SHA384_Update(&state, bytes.data(), bytes.size()); }
  void end(unsigned char* digest) { SHA384_Final(digest, &state); }
};

/// RFC 2104. Keys are digests, or inputs as long as one of ML-KEM and X25519 together.
template <typename Hash>
class Hmac {
 public:
  explicit Hmac(Bytes key) {
    unsigned char pad[Hash::block] = {};
    if (key.size() > Hash::block) {
      hash_.begin();
      hash_.add(key);
      hash_.end(pad);
    } else if (!key.empty()) {
      std::memcpy(pad, key.data(), key.size());
    }
    for (unsigned char& byte : pad) byte ^= 0x36;
    hash_.begin();
    hash_.add(pad);
    for (unsigned char& byte : pad) byte ^= 0x36 ^ 0x5c;
    outer_.begin();
    outer_.add(pad);
    OPENSSL_cleanse(pad, sizeof pad);
  }
  ~Hmac() {
    OPENSSL_cleanse(&hash_, sizeof hash_);
    OPENSSL_cleanse(&outer_, sizeof outer_);
  }
  void add(Bytes bytes) { hash_.add(bytes); }
  /// Once.
  void end(unsigned char* mac) {
    hash_.end(mac);
    outer_.add({mac, Hash::size});
    outer_.end(mac);
  }

 private:
  Hash hash_, outer_;
};

/// What a derivation is asked for (EVP_KDF-TLS13_KDF(7)).
struct Request {
  int mode = 0;
  std::string_view digest;
  Bytes key, salt, prefix, label, data;

  explicit Request(const OSSL_PARAM* parameters) {
    for (const OSSL_PARAM* one = parameters; one && one->key; ++one) {
      std::string_view name = one->key;
      Bytes bytes{static_cast<const unsigned char*>(one->data), one->data_size};
      if (name == OSSL_KDF_PARAM_MODE) {
        OSSL_PARAM_get_int(one, &mode);
      } else if (name == OSSL_KDF_PARAM_DIGEST) {
        digest = static_cast<const char*>(one->data);
      } else if (name == OSSL_KDF_PARAM_KEY) {
        key = bytes;
      } else if (name == OSSL_KDF_PARAM_SALT) {
        salt = bytes;
      } else if (name == OSSL_KDF_PARAM_PREFIX) {
        prefix = bytes;
      } else if (name == OSSL_KDF_PARAM_LABEL) {
        label = bytes;
      } else if (name == OSSL_KDF_PARAM_DATA) {
        data = bytes;
      }
    }
  }
};

/// HKDF-Expand-Label, of no more than a digest's length: one round of HKDF-Expand (RFC 5869, 2.3).
template <typename Hash>
bool expand_label(Bytes secret, Bytes prefix, Bytes label, Bytes context,
                  std::span<unsigned char> out) {
  if (out.size() > Hash::size || prefix.size() + label.size() > UINT8_MAX ||
      context.size() > UINT8_MAX) {
    return false;
  }
  Hmac<Hash> hmac(secret);
  const unsigned char sizes[] = {uint8_t(out.size() >> 8), uint8_t(out.size()),
                                 uint8_t(prefix.size() + label.size())};
  hmac.add(sizes);
  hmac.add(prefix);
  hmac.add(label);
  const unsigned char context_size[] = {uint8_t(context.size())};
  hmac.add(context_size);
  hmac.add(context);
  const unsigned char round[] = {1};
  hmac.add(round);
  unsigned char mac[Hash::size];
  hmac.end(mac);
  std::memcpy(out.data(), mac, out.size());
  OPENSSL_cleanse(mac, sizeof mac);
  return true;
}

/// The next of the early, handshake and master secrets: HKDF-Extract of new input, with what is
/// derived from the secret before as its salt.
template <typename Hash>
bool next_secret(const Request& request, std::span<unsigned char> out) {
  constexpr unsigned char nothing[Hash::size] = {};
  if (out.size() != Hash::size) return false;
  unsigned char salt[Hash::size] = {};
  if (request.salt.data()) {
    unsigned char empty[Hash::size];
    Hash hash;
    hash.begin();
    hash.end(empty);
    if (!expand_label<Hash>(request.salt, request.prefix, request.label, empty, salt)) return false;
  }
  Hmac<Hash> hmac(salt);
  hmac.add(request.key.data() ? request.key : Bytes(nothing));
  hmac.end(out.data());
  OPENSSL_cleanse(salt, sizeof salt);
  return true;
}

template <typename Hash>
bool derive_by(const Request& request, std::span<unsigned char> out) {
  switch (request.mode) {
    case EVP_KDF_HKDF_MODE_EXPAND_ONLY:
      return expand_label<Hash>(request.key, request.prefix, request.label, request.data, out);
    case EVP_KDF_HKDF_MODE_EXTRACT_ONLY:
      return next_secret<Hash>(request, out);
    default:
      return false;
  }
}

// --- As OpenSSL calls it (provider-kdf(7)) ---

/// All that a derivation needs comes with its call, as libssl makes it.
int derive(void*, unsigned char* out, size_t size, const OSSL_PARAM* parameters) {
  Request request(parameters);
  if (request.digest == "SHA2-384" || request.digest == "SHA384") {
    return derive_by<Sha384>(request, {out, size});
  }
  if (request.digest == "SHA2-256" || request.digest == "SHA256") {
    return derive_by<Sha256>(request, {out, size});
  }
  return 0;
}

void* new_context(void*) {
  static char stateless;
  return &stateless;
}

void free_context(void*) {}

template <typename Function>
constexpr OSSL_DISPATCH entry(int id, Function* function) {
  return {id, reinterpret_cast<void (*)()>(function)};
}

const OSSL_ALGORITHM* algorithms(void*, int operation, int* no_cache) {
  static const OSSL_DISPATCH functions[] = {
      entry(OSSL_FUNC_KDF_NEWCTX, new_context),
      entry(OSSL_FUNC_KDF_FREECTX, free_context),
      entry(OSSL_FUNC_KDF_DERIVE, derive),
      OSSL_DISPATCH_END,
  };
  static const OSSL_ALGORITHM derivations[] = {
      {OSSL_KDF_NAME_TLS1_3_KDF, "provider=sluice", functions, nullptr},
      {nullptr, nullptr, nullptr, nullptr},
  };
  *no_cache = 0;
  return operation == OSSL_OP_KDF ? derivations : nullptr;
}

int begin(const OSSL_CORE_HANDLE* handle, const OSSL_DISPATCH*, const OSSL_DISPATCH** functions,
          void** context) {
  static const OSSL_DISPATCH provider[] = {
      entry(OSSL_FUNC_PROVIDER_QUERY_OPERATION, algorithms),
      OSSL_DISPATCH_END,
  };
  *functions = provider;
  *context = const_cast<OSSL_CORE_HANDLE*>(handle);
  return 1;
}

}  // namespace

const char* key_schedule_query() {
  // OpenSSL takes a query only of properties that it has met.
  static const bool loaded =
      OSSL_PROVIDER_add_builtin(nullptr, "sluice", begin) == 1 &&
      OSSL_PROVIDER_try_load(nullptr, "sluice", 1) &&
      KdfPtr(EVP_KDF_fetch(nullptr, OSSL_KDF_NAME_TLS1_3_KDF, "provider=sluice"));
  return loaded ? "?provider=sluice" : nullptr;
}

}  // namespace sluice::tls
