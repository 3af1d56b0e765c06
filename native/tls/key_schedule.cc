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

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>

#include "tls/openssl.h"

namespace sluice::tls {

namespace {

using Bytes = std::span<const unsigned char>;
using KdfPtr = std::unique_ptr<EVP_KDF, Releaser<EVP_KDF_free>>;

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

/// HMAC (RFC 2104) under one key, ready for messages.
template <typename Hash>
struct HmacKey {
  Hash inner, outer;

  void set(Bytes key) {
    unsigned char pad[Hash::block] = {};
    if (key.size() > Hash::block) {
      inner.begin();
      inner.add(key);
      inner.end(pad);
    } else {
      std::ranges::copy(key, pad);
    }
    for (unsigned char& byte : pad) byte ^= 0x36;
    inner.begin();
    inner.add(pad);
    for (unsigned char& byte : pad) byte ^= 0x36 ^ 0x5c;
    outer.begin();
    outer.add(pad);
    OPENSSL_cleanse(pad, sizeof pad);
  }
};

template <typename Hash>
class Hmac {
 public:
  explicit Hmac(const HmacKey<Hash>& key) : state_(key) {}
  ~Hmac() { OPENSSL_cleanse(&state_, sizeof state_); }
  void add(Bytes bytes) { state_.inner.add(bytes); }
  /// Once.
  void end(unsigned char* mac) {
    state_.inner.end(mac);
    state_.outer.add({mac, Hash::size});
    state_.outer.end(mac);
  }

 private:
  HmacKey<Hash> state_;
};

/// The last two secrets that something was derived from. Most are used several times in a row, or
/// by turns with one that came of them; to make a key ready takes as long as to use it.
template <typename Hash>
class RecentSecrets {
 public:
  static RecentSecrets& of_thread() {
    thread_local std::unique_ptr<RecentSecrets> secrets = std::make_unique<RecentSecrets>();
    return *secrets;
  }
  ~RecentSecrets() { forget(); }

  const HmacKey<Hash>& ready(Bytes secret) {
    for (Entry& entry : entries_) {
      if (entry.set && CRYPTO_memcmp(entry.secret, secret.data(), Hash::size) == 0) {
        latest_ = &entry;
        return entry.key;
      }
    }
    latest_ = latest_ == &entries_[0] ? &entries_[1] : &entries_[0];
    std::ranges::copy(secret, latest_->secret);
    latest_->key.set(secret);
    latest_->set = true;
    return latest_->key;
  }
  void forget() {
    for (Entry& entry : entries_) OPENSSL_cleanse(&entry, sizeof entry);
  }

 private:
  struct Entry {
    HmacKey<Hash> key;
    unsigned char secret[Hash::size];
    bool set;
  };
  Entry entries_[2] = {};
  Entry* latest_ = entries_;
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
  if (secret.size() != Hash::size || out.size() > Hash::size ||
      prefix.size() + label.size() > UINT8_MAX || context.size() > UINT8_MAX) {
    return false;
  }
  Hmac<Hash> hmac(RecentSecrets<Hash>::of_thread().ready(secret));
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
  HmacKey<Hash> key;
  key.set(salt);
  Hmac<Hash> hmac(key);
  hmac.add(request.key.data() ? request.key : Bytes(nothing));
  hmac.end(out.data());
  OPENSSL_cleanse(salt, sizeof salt);
  OPENSSL_cleanse(&key, sizeof key);
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

void forget_recent_secrets() {
  RecentSecrets<Sha256>::of_thread().forget();
  RecentSecrets<Sha384>::of_thread().forget();
}

const char* key_schedule_query() {
  // OpenSSL takes a query only of properties that it has met.
  static const bool loaded =
      OSSL_PROVIDER_add_builtin(nullptr, "sluice", begin) == 1 &&
      OSSL_PROVIDER_try_load(nullptr, "sluice", 1) &&
      KdfPtr(EVP_KDF_fetch(nullptr, OSSL_KDF_NAME_TLS1_3_KDF, "provider=sluice"));
  return loaded ? "?provider=sluice" : nullptr;
}

}  // namespace sluice::tls
