#include "tls/key_schedule.h"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "base/bytes.h"
#include "tls/cleanse.h"
#include "tls/dispatch.h"
#include "tls/hmac.h"
#include "tls/provider.h"

namespace sluice::tls {

namespace {

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
      if (entry.set && entry.is_of(secret)) {
        latest_ = &entry;
        return entry.key;
      }
    }
    latest_ = latest_ == &entries_[0] ? &entries_[1] : &entries_[0];
    std::ranges::copy(secret, latest_->secret);
    latest_->key = HmacKey<Hash>(secret);
    latest_->set = true;
    return latest_->key;
  }
  void forget() {
    for (Entry& entry : entries_) cleanse(entry);
  }

 private:
  struct Entry {
    HmacKey<Hash> key;
    uint8_t secret[Hash::size];
    bool set;

    // No branch depends on a secret.
    bool is_of(Bytes other) const {
      uint8_t difference = 0;
      for (size_t i = 0; i < Hash::size; ++i) difference |= secret[i] ^ other[i];
      return difference == 0;
    }
  };
  Entry entries_[2] = {};
  Entry* latest_ = entries_;
};

thread_local KeyScheduleNotes* noted_in = nullptr;

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

template <typename Hash>
bool expand(const Request& request, Bytes secret, Bytes context, std::span<uint8_t> out) {
  if (secret.size() != Hash::size || !expand_label(RecentSecrets<Hash>::of_thread().ready(secret),
                                                   request.prefix, request.label, context, out)) {
    return false;
  }
  if (noted_in) noted_in->on_derived(request.label, out);
  return true;
}

template <typename Hash>
Bytes digest_of_nothing() {
  static const std::array<uint8_t, Hash::size> digest = [] {
    std::array<uint8_t, Hash::size> made;
    Hash hash;
    hash.begin();
    hash.end(made.data());
    return made;
  }();
  return digest;
}

/// The next of the early, handshake and master secrets: HKDF-Extract of new input, with what is
/// derived from the secret before as its salt.
template <typename Hash>
bool next_secret(const Request& request, std::span<uint8_t> out) {
  constexpr uint8_t nothing[Hash::size] = {};
  static const HmacKey<Hash> no_salt(nothing);
  if (out.size() != Hash::size) return false;
  Bytes input = request.key.data() ? request.key : Bytes(nothing);
  if (!request.salt.data()) {
    no_salt.sign(input, out);
    return true;
  }
  uint8_t salt[Hash::size];
  if (!expand<Hash>(request, request.salt, digest_of_nothing<Hash>(), salt)) return false;
  HmacKey<Hash>(salt).sign(input, out);
  cleanse(salt);
  return true;
}

template <typename Hash>
bool derive_by(const Request& request, std::span<uint8_t> out) {
  switch (request.mode) {
    case EVP_KDF_HKDF_MODE_EXPAND_ONLY:
      return expand<Hash>(request, request.key, request.data, out);
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

}  // namespace

void forget_recent_secrets() {
  RecentSecrets<Sha256>::of_thread().forget();
  RecentSecrets<Sha384>::of_thread().forget();
}

// A traffic secret is followed by its key and IV: nothing else is derived in between.
void KeyScheduleNotes::on_derived(std::span<const uint8_t> label, std::span<const uint8_t> out) {
  std::string_view name = as_text(label);
  if (name == "key") {
    if (latest_) latest_->key.set(out);
  } else if (name == "iv") {
    if (latest_) latest_->iv.set(out);
  } else if (name == "c ap traffic") {
    latest_ = &client;
    client.secret.set(out);
  } else if (name == "s ap traffic") {
    latest_ = &server;
    server.secret.set(out);
  } else {
    latest_ = nullptr;
    if (name == "res master") resumption.set(out);
  }
}

KeyScheduleNotes::~KeyScheduleNotes() {
  for (Secret* secret : {&client.secret, &client.key, &client.iv, &server.secret, &server.key,
                         &server.iv, &resumption}) {
    cleanse(*secret);
  }
}

KeyScheduleNoting::KeyScheduleNoting(KeyScheduleNotes* notes) { noted_in = notes; }

KeyScheduleNoting::~KeyScheduleNoting() { noted_in = nullptr; }

const OSSL_ALGORITHM* key_derivations() {
  static const OSSL_DISPATCH functions[] = {
      dispatched(OSSL_FUNC_KDF_NEWCTX, new_context),
      dispatched(OSSL_FUNC_KDF_FREECTX, free_context),
      dispatched(OSSL_FUNC_KDF_DERIVE, derive),
      OSSL_DISPATCH_END,
  };
  static const OSSL_ALGORITHM derivations[] = {
      {OSSL_KDF_NAME_TLS1_3_KDF, provided_by_us, functions, nullptr},
      {nullptr, nullptr, nullptr, nullptr},
  };
  return derivations;
}

}  // namespace sluice::tls
