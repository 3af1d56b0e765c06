#include "quic/block_cipher.h"

#include <openssl/evp.h>

#include "tls/openssl.h"

namespace sluice::quic {
namespace {

class Aes128 final : public BlockCipher {
 public:
  explicit Aes128(std::span<const uint8_t, key_size> key)
      : seal_(EVP_CIPHER_CTX_new()), open_(EVP_CIPHER_CTX_new()) {
    EVP_EncryptInit_ex(seal_.get(), EVP_aes_128_ecb(), nullptr, key.data(), nullptr);
    EVP_DecryptInit_ex(open_.get(), EVP_aes_128_ecb(), nullptr, key.data(), nullptr);
    EVP_CIPHER_CTX_set_padding(seal_.get(), 0);
    EVP_CIPHER_CTX_set_padding(open_.get(), 0);
  }

  void encrypt(Block& block) const override {
    int written = 0;
    EVP_EncryptUpdate(seal_.get(), block.data(), &written, block.data(), int(block.size()));
  }
  void decrypt(Block& block) const override {
    int written = 0;
    EVP_DecryptUpdate(open_.get(), block.data(), &written, block.data(), int(block.size()));
  }

 private:
  tls::CipherPtr seal_;
  tls::CipherPtr open_;
};

}  // namespace

std::unique_ptr<BlockCipher> aes_128(std::span<const uint8_t, BlockCipher::key_size> key) {
  return std::make_unique<Aes128>(key);
}

}  // namespace sluice::quic
