#include "tls/record_keys.h"

#include <openssl/core_names.h>
#include <openssl/kdf.h>

#include <algorithm>
#include <cstring>
#include <string_view>

#include "base/byte_order.h"
#include "tls/cleanse.h"
#include "tls/hmac.h"

namespace sluice::tls {

namespace {

/// Algorithms are looked up once: by name each time would cost more than a record.
const RecordSuite& fetched(const char* aead, const char* digest, uint8_t key_size, bool chacha) {
  return *new RecordSuite{EVP_CIPHER_fetch(nullptr, aead, nullptr),
                          EVP_MD_fetch(nullptr, digest, nullptr), key_size, chacha};
}

using KdfPtr = std::unique_ptr<EVP_KDF_CTX, Releaser<EVP_KDF_CTX_free>>;

OSSL_PARAM digest_parameter(const EVP_MD* digest) {
  return OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST,
                                          const_cast<char*>(EVP_MD_get0_name(digest)), 0);
}

/// The PRF of TLS 1.2 (RFC 5246, 5).
void expand_master(const EVP_MD* digest, std::span<const uint8_t> master,
                   std::span<const uint8_t> seed, std::span<uint8_t> out) {
  thread_local KdfPtr prf = [] {
    EVP_KDF* fetched = EVP_KDF_fetch(nullptr, "TLS1-PRF", nullptr);
    KdfPtr context(EVP_KDF_CTX_new(fetched));
    EVP_KDF_free(fetched);
    return context;
  }();
  auto octets = [](const char* name, std::span<const uint8_t> bytes) {
    return OSSL_PARAM_construct_octet_string(name, const_cast<uint8_t*>(bytes.data()),
                                             bytes.size());
  };
  OSSL_PARAM parameters[] = {digest_parameter(digest), octets(OSSL_KDF_PARAM_SECRET, master),
                             octets(OSSL_KDF_PARAM_SEED, seed), OSSL_PARAM_construct_end()};
  EVP_KDF_derive(prf.get(), out.data(), out.size(), parameters);
  EVP_KDF_CTX_reset(prf.get());
}

}  // namespace

const RecordSuite* RecordSuite::agreed(const SSL* ssl) {
  static const RecordSuite& aes_128 = fetched("AES-128-GCM", "SHA256", 16, false);
  static const RecordSuite& aes_256 = fetched("AES-256-GCM", "SHA384", 32, false);
  static const RecordSuite& chacha20 = fetched("ChaCha20-Poly1305", "SHA256", 32, true);
  const SSL_CIPHER* cipher = SSL_get_current_cipher(ssl);
  switch (cipher ? SSL_CIPHER_get_cipher_nid(cipher) : NID_undef) {
    case NID_aes_128_gcm:
      return &aes_128;
    case NID_aes_256_gcm:
      return &aes_256;
    case NID_chacha20_poly1305:
      return &chacha20;
    default:
      return nullptr;
  }
}

bool RecordSuite::fits(const KeyScheduleNotes::Traffic& traffic) const {
  return traffic.secret.get().size() == size_t(EVP_MD_get_size(digest)) &&
         traffic.key.get().size() == key_size && traffic.iv.get().size() == nonce_size;
}

RecordKeys::~RecordKeys() {
  cleanse(key);
  cleanse(iv);
  cleanse(secret);
}

RecordKeys RecordKeys::from_traffic(const RecordSuite& suite,
                                    const KeyScheduleNotes::Traffic& traffic) {
  RecordKeys keys(suite, TLS1_3_VERSION);
  std::ranges::copy(traffic.secret.get(), keys.secret.begin());
  std::ranges::copy(traffic.key.get(), keys.key.begin());
  std::ranges::copy(traffic.iv.get(), keys.iv.begin());
  return keys;
}

void RecordKeys::update() {
  std::span<uint8_t> whole = std::span(secret).first(size_t(EVP_MD_get_size(suite->digest)));
  LabelExpansion(suite->digest, whole)("traffic upd", whole);
  LabelExpansion expand(suite->digest, whole);
  expand("key", std::span(key).first(suite->key_size));
  expand("iv", iv);
  sequence = 0;
}

RecordKeys::Both RecordKeys::from_master_secret(const RecordSuite& suite,
                                                std::span<const uint8_t> master,
                                                std::span<const uint8_t> client_random,
                                                std::span<const uint8_t> server_random) {
  constexpr std::string_view label = "key expansion";
  uint8_t seed[label.size() + 2 * SSL3_RANDOM_SIZE];
  uint8_t* end = std::ranges::copy(label, seed).out;
  end = std::ranges::copy(server_random, end).out;
  end = std::ranges::copy(client_random, end).out;
  size_t iv_size = suite.chacha ? RecordSuite::nonce_size : 4;
  uint8_t block[2 * (32 + RecordSuite::nonce_size)];
  expand_master(suite.digest, master, {seed, end},
                std::span(block).first(2 * (suite.key_size + iv_size)));
  const uint8_t* from = block;
  auto take = [&from](std::span<uint8_t> to) {
    std::memcpy(to.data(), from, to.size());
    from += to.size();
  };
  Both both{{suite, TLS1_2_VERSION}, {suite, TLS1_2_VERSION}};
  take(std::span(both.client.key).first(suite.key_size));
  take(std::span(both.server.key).first(suite.key_size));
  take(std::span(both.client.iv).first(iv_size));
  take(std::span(both.server.iv).first(iv_size));
  cleanse(block);
  return both;
}

Nonce RecordKeys::nonce() const {
  constexpr size_t fixed = RecordSuite::nonce_size - sizeof sequence;
  Nonce nonce = iv;
  uint64_t counted = load_be64(iv.data() + fixed);
  store_be64(nonce.data() + fixed, has_explicit_nonce() ? counted + sequence : counted ^ sequence);
  return nonce;
}

}  // namespace sluice::tls
