#pragma once

#include <ngtcp2/ngtcp2.h>
#include <openssl/evp.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

struct ssl_st;

namespace sluice::quic {

/// What a TLS 1.3 cipher suite means to QUIC (RFC 9001, 5). ngtcp2 carries pointers to it about.
struct CipherSuite {
  const EVP_CIPHER* aead;
  const EVP_CIPHER* header;
  const EVP_MD* digest;
  size_t key_size;
  uint64_t max_encryption;          ///< RFC 9001, 6.6
  uint64_t max_decryption_failure;  ///< the same
  bool chacha;

  static constexpr size_t iv_size = 12;
  static constexpr size_t tag_size = 16;

  /// Of Initial packets, and of Retry's integrity tag.
  static const CipherSuite& initial();
  /// What a connection has agreed on, or the session that its early data belongs to; null when it
  /// is none of QUIC's.
  static const CipherSuite* agreed(const ssl_st* ssl, bool early);

  ngtcp2_crypto_aead as_aead() const;
  ngtcp2_crypto_ctx as_context() const;
};

/// The keys of one direction at one level.
struct PacketKeys {
  ngtcp2_crypto_aead_ctx aead{};
  ngtcp2_crypto_cipher_ctx header{};
  std::array<uint8_t, CipherSuite::iv_size> iv{};

  /// From a traffic secret (RFC 9001, 5.1). Who installs them in ngtcp2 gives them to it; otherwise
  /// release().
  static PacketKeys derive(const CipherSuite& suite, std::span<const uint8_t> secret, bool seal);
  void release();
};

/// Initial secrets of both sides, by the client's first connection ID (RFC 9001, 5.2).
struct InitialSecrets {
  std::array<uint8_t, 32> client;
  std::array<uint8_t, 32> server;
  static InitialSecrets derive(std::span<const uint8_t> connection_id);
};

/// The next generation's secret, and its AEAD keys: header keys stay (RFC 9001, 6.1).
void update_secret(const CipherSuite& suite, std::span<const uint8_t> secret,
                   std::span<uint8_t> next);
void derive_updated(const CipherSuite& suite, std::span<const uint8_t> secret, bool seal,
                    ngtcp2_crypto_aead_ctx& aead, uint8_t* iv);

ngtcp2_crypto_aead_ctx new_aead(const EVP_CIPHER* cipher, const uint8_t* key, bool seal);

// --- As ngtcp2 calls them ---
int encrypt(uint8_t* out, const ngtcp2_crypto_aead* aead, const ngtcp2_crypto_aead_ctx* context,
            const uint8_t* plain, size_t plain_size, const uint8_t* nonce, size_t nonce_size,
            const uint8_t* associated, size_t associated_size);
int decrypt(uint8_t* out, const ngtcp2_crypto_aead* aead, const ngtcp2_crypto_aead_ctx* context,
            const uint8_t* sealed, size_t sealed_size, const uint8_t* nonce, size_t nonce_size,
            const uint8_t* associated, size_t associated_size);
int header_mask(uint8_t* out, const ngtcp2_crypto_cipher* cipher,
                const ngtcp2_crypto_cipher_ctx* context, const uint8_t* sample);
void delete_aead(ngtcp2_conn*, ngtcp2_crypto_aead_ctx* context, void*);
void delete_cipher(ngtcp2_conn*, ngtcp2_crypto_cipher_ctx* context, void*);

}  // namespace sluice::quic
