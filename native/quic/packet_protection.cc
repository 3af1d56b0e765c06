#include "quic/packet_protection.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>

#include "tls/cleanse.h"
#include "tls/hmac.h"

namespace sluice::quic {
namespace {

EVP_CIPHER_CTX* context_of(const ngtcp2_crypto_aead_ctx* context) {
  return static_cast<EVP_CIPHER_CTX*>(context->native_handle);
}

/// Algorithms are looked up once: by name each time would cost more than a packet.
CipherSuite fetch(const char* aead, const char* header, const char* digest, size_t key_size,
                  uint64_t max_encryption, uint64_t max_decryption_failure, bool chacha = false) {
  return {EVP_CIPHER_fetch(nullptr, aead, nullptr),
          EVP_CIPHER_fetch(nullptr, header, nullptr),
          EVP_MD_fetch(nullptr, digest, nullptr),
          key_size,
          max_encryption,
          max_decryption_failure,
          chacha};
}

const CipherSuite& aes_128_gcm() {
  static const CipherSuite suite =
      fetch("AES-128-GCM", "AES-128-ECB", "SHA256", 16, 1ULL << 23, 1ULL << 52);
  return suite;
}

const CipherSuite& aes_256_gcm() {
  static const CipherSuite suite =
      fetch("AES-256-GCM", "AES-256-ECB", "SHA384", 32, 1ULL << 23, 1ULL << 52);
  return suite;
}

const CipherSuite& chacha20_poly1305() {
  static const CipherSuite suite =
      fetch("ChaCha20-Poly1305", "ChaCha20", "SHA256", 32, 1ULL << 62, 1ULL << 36, true);
  return suite;
}

/// RFC 9001, 5.2.
constexpr uint8_t initial_salt[] = {0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17,
                                    0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a};

ngtcp2_crypto_aead_ctx new_aead_cipher(const CipherSuite& suite, tls::LabelExpansion& expand,
                                       bool seal, uint8_t* iv) {
  std::array<uint8_t, 32> key;
  expand("quic key", std::span(key).first(suite.key_size));
  expand("quic iv", std::span(iv, CipherSuite::iv_size));
  ngtcp2_crypto_aead_ctx aead = new_aead(suite.aead, key.data(), seal);
  tls::cleanse(key);
  return aead;
}

ngtcp2_crypto_cipher_ctx new_header_cipher(const CipherSuite& suite, const uint8_t* key) {
  EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
  EVP_EncryptInit_ex2(context, suite.header, key, nullptr, nullptr);
  EVP_CIPHER_CTX_set_padding(context, 0);
  return {context};
}

}  // namespace

const CipherSuite& CipherSuite::initial() { return aes_128_gcm(); }

const CipherSuite* CipherSuite::agreed(const ssl_st* ssl, bool early) {
  const SSL_CIPHER* cipher = early ? SSL_get_current_cipher(ssl) : SSL_get_pending_cipher(ssl);
  switch (cipher ? SSL_CIPHER_get_protocol_id(cipher) : 0) {
    case 0x1301:
      return &aes_128_gcm();
    case 0x1302:
      return &aes_256_gcm();
    case 0x1303:
      return &chacha20_poly1305();
    default:
      return nullptr;
  }
}

ngtcp2_crypto_aead CipherSuite::as_aead() const {
  return {const_cast<CipherSuite*>(this), tag_size};
}

ngtcp2_crypto_ctx CipherSuite::as_context() const {
  return {.aead = as_aead(),
          .md = {const_cast<EVP_MD*>(digest)},
          .hp = {const_cast<CipherSuite*>(this)},
          .max_encryption = max_encryption,
          .max_decryption_failure = max_decryption_failure};
}

InitialSecrets InitialSecrets::derive(std::span<const uint8_t> connection_id) {
  const EVP_MD* digest = CipherSuite::initial().digest;
  std::array<uint8_t, 32> common;
  tls::Hmac(digest, initial_salt)(connection_id, common);
  tls::LabelExpansion expand(digest, common);
  InitialSecrets secrets;
  expand("client in", secrets.client);
  expand("server in", secrets.server);
  return secrets;
}

ngtcp2_crypto_aead_ctx new_aead(const EVP_CIPHER* cipher, const uint8_t* key, bool seal) {
  EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
  EVP_CipherInit_ex2(context, cipher, key, nullptr, seal, nullptr);
  return {context};
}

PacketKeys PacketKeys::derive(const CipherSuite& suite, std::span<const uint8_t> secret,
                              bool seal) {
  tls::LabelExpansion expand(suite.digest, secret);
  PacketKeys keys;
  keys.aead = new_aead_cipher(suite, expand, seal, keys.iv.data());
  std::array<uint8_t, 32> header;
  expand("quic hp", std::span(header).first(suite.key_size));
  keys.header = new_header_cipher(suite, header.data());
  tls::cleanse(header);
  return keys;
}

void PacketKeys::release() {
  delete_aead(nullptr, &aead, nullptr);
  delete_cipher(nullptr, &header, nullptr);
}

void update_secret(const CipherSuite& suite, std::span<const uint8_t> secret,
                   std::span<uint8_t> next) {
  tls::LabelExpansion(suite.digest, secret)("quic ku", next);
}

void derive_updated(const CipherSuite& suite, std::span<const uint8_t> secret, bool seal,
                    ngtcp2_crypto_aead_ctx& aead, uint8_t* iv) {
  tls::LabelExpansion expand(suite.digest, secret);
  aead = new_aead_cipher(suite, expand, seal, iv);
}

int encrypt(uint8_t* out, const ngtcp2_crypto_aead*, const ngtcp2_crypto_aead_ctx* context,
            const uint8_t* plain, size_t plain_size, const uint8_t* nonce, size_t,
            const uint8_t* associated, size_t associated_size) {
  EVP_CIPHER_CTX* cipher = context_of(context);
  int size = 0;
  bool done =
      EVP_EncryptInit_ex2(cipher, nullptr, nullptr, nonce, nullptr) &&
      EVP_EncryptUpdate(cipher, nullptr, &size, associated, int(associated_size)) &&
      EVP_EncryptUpdate(cipher, out, &size, plain, int(plain_size)) &&
      EVP_EncryptFinal_ex(cipher, out + size, &size) &&
      EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, CipherSuite::tag_size, out + plain_size);
  return done ? 0 : NGTCP2_ERR_CALLBACK_FAILURE;
}

int decrypt(uint8_t* out, const ngtcp2_crypto_aead*, const ngtcp2_crypto_aead_ctx* context,
            const uint8_t* sealed, size_t sealed_size, const uint8_t* nonce, size_t,
            const uint8_t* associated, size_t associated_size) {
  if (sealed_size < CipherSuite::tag_size) return NGTCP2_ERR_DECRYPT;
  size_t plain_size = sealed_size - CipherSuite::tag_size;
  EVP_CIPHER_CTX* cipher = context_of(context);
  int size = 0;
  bool done = EVP_DecryptInit_ex2(cipher, nullptr, nullptr, nonce, nullptr) &&
              EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_TAG, CipherSuite::tag_size,
                                  const_cast<uint8_t*>(sealed) + plain_size) &&
              EVP_DecryptUpdate(cipher, nullptr, &size, associated, int(associated_size)) &&
              EVP_DecryptUpdate(cipher, out, &size, sealed, int(plain_size)) &&
              EVP_DecryptFinal_ex(cipher, out + size, &size);
  if (done) return 0;
  // TLS looks at this thread's errors to tell what has happened to it.
  ERR_clear_error();
  return NGTCP2_ERR_DECRYPT;
}

int header_mask(uint8_t* out, const ngtcp2_crypto_cipher* cipher,
                const ngtcp2_crypto_cipher_ctx* context, const uint8_t* sample) {
  auto* keyed = static_cast<EVP_CIPHER_CTX*>(context->native_handle);
  const auto& suite = *static_cast<const CipherSuite*>(cipher->native_handle);
  int size = 0;
  if (suite.chacha) {
    // RFC 9001, 5.4.4: the sample is block counter and nonce.
    constexpr uint8_t zeros[NGTCP2_HP_MASKLEN] = {};
    bool done = EVP_EncryptInit_ex2(keyed, nullptr, nullptr, sample, nullptr) &&
                EVP_EncryptUpdate(keyed, out, &size, zeros, sizeof zeros);
    return done ? 0 : NGTCP2_ERR_CALLBACK_FAILURE;
  }
  uint8_t block[NGTCP2_HP_SAMPLELEN];
  if (!EVP_EncryptUpdate(keyed, block, &size, sample, sizeof block)) {
    return NGTCP2_ERR_CALLBACK_FAILURE;
  }
  std::copy_n(block, NGTCP2_HP_MASKLEN, out);
  return 0;
}

void delete_aead(ngtcp2_conn*, ngtcp2_crypto_aead_ctx* context, void*) {
  EVP_CIPHER_CTX_free(context_of(context));
  context->native_handle = nullptr;
}

void delete_cipher(ngtcp2_conn*, ngtcp2_crypto_cipher_ctx* context, void*) {
  EVP_CIPHER_CTX_free(static_cast<EVP_CIPHER_CTX*>(context->native_handle));
  context->native_handle = nullptr;
}

}  // namespace sluice::quic
