#include "tls/ticket_keys.h"

#include "tls/context.h"

#include <openssl/core_names.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cstring>

namespace sluice::tls {

std::unique_ptr<TicketKeys> TicketKeys::install(SSL_CTX* context, const Settings& settings) {
  if (settings.ticket_keys.empty()) {
    if (!settings.ticket_seed.empty()) {
      std::string seed(settings.ticket_seed);
      SSL_CTX_set_tlsext_ticket_keys(context, seed.data(), long(seed.size()));
    }
    return nullptr;
  }
  auto keys = std::make_unique<TicketKeys>();
  for (std::string_view file : settings.ticket_keys) keys->keys_.push_back(parse(file));
  SSL_CTX_set_tlsext_ticket_key_evp_cb(context, use);
  return keys;
}

// 48 bytes: name, AES-128, HMAC; 80 bytes: name, HMAC, AES-256.
TicketKeys::Key TicketKeys::parse(std::string_view file) {
  Key key;
  key.size = file.size() == 48 ? 16 : 32;
  auto* first = key.size == 16 ? &key.cipher : &key.mac;
  auto* second = key.size == 16 ? &key.mac : &key.cipher;
  std::memcpy(key.name.data(), file.data(), 16);
  std::memcpy(first->data(), file.data() + 16, key.size);
  std::memcpy(second->data(), file.data() + 16 + key.size, key.size);
  return key;
}

// 1: done; 2: done, and the client should have a new ticket; 0: not our ticket; -1: failure.
int TicketKeys::use(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                    EVP_MAC_CTX* mac, int encrypt) {
  const TicketKeys* keys = Context::of(ssl).ticket_keys();
  if (!keys) return encrypt ? -1 : 0;
  auto found = keys->keys_.begin();
  if (encrypt) {
    if (RAND_bytes(iv, 16) != 1) return -1;
    std::ranges::copy(found->name, name);
  } else {
    found = std::ranges::find_if(keys->keys_, [&](const Key& key) {
      return std::memcmp(key.name.data(), name, key.name.size()) == 0;
    });
    if (found == keys->keys_.end()) return 0;
  }
  const EVP_CIPHER* aes = found->size == 16 ? EVP_aes_128_cbc() : EVP_aes_256_cbc();
  char sha256[] = "SHA256";
  OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY,
                                        const_cast<unsigned char*>(found->mac.data()), found->size),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, sha256, 0),
      OSSL_PARAM_construct_end(),
  };
  if (!EVP_MAC_CTX_set_params(mac, parameters)) return -1;
  auto start = encrypt ? EVP_EncryptInit_ex : EVP_DecryptInit_ex;
  if (start(cipher, aes, nullptr, found->cipher.data(), iv) != 1) return -1;
  if (encrypt) return 1;
  // A TLS 1.3 ticket is for one use, and renewing a TLS 1.2 one moves it to the key in force.
  return SSL_version(ssl) == TLS1_3_VERSION || found != keys->keys_.begin() ? 2 : 1;
}

}  // namespace sluice::tls
