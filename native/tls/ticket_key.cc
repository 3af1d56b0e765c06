#include "tls/ticket_key.h"

#include <openssl/core_names.h>

#include <algorithm>
#include <cstring>

#include "tls/hmac.h"
#include "tls/random.h"

namespace sluice::tls {

namespace {

constexpr size_t iv_size = 16, block_size = 16, mac_size = Sha256::size, small_file = 48;

}  // namespace

TicketKey TicketKey::parse(std::span<const unsigned char> file) {
  TicketKey key;
  key.size_ = file.size() == small_file ? 16 : 32;
  auto& first = key.size_ == 16 ? key.cipher_ : key.mac_;
  auto& second = key.size_ == 16 ? key.mac_ : key.cipher_;
  std::memcpy(key.name_.data(), file.data(), name_size);
  std::memcpy(first.data(), file.data() + name_size, key.size_);
  std::memcpy(second.data(), file.data() + name_size + key.size_, key.size_);
  return key;
}

TicketKey::Bytes TicketKey::bytes() const {
  Bytes all;
  auto end = std::ranges::copy(name_, all.begin()).out;
  end = std::ranges::copy(mac_, end).out;
  std::ranges::copy(cipher_, end);
  return all;
}

bool TicketKey::has_name(const unsigned char* name) const {
  return std::memcmp(name_.data(), name, name_.size()) == 0;
}

bool TicketKey::seal(unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                     EVP_MAC_CTX* mac) const {
  if (!public_random({iv, iv_size})) return false;
  std::ranges::copy(name_, name);
  return set_mac(mac) && EVP_EncryptInit_ex(cipher, algorithm(), nullptr, cipher_.data(), iv) == 1;
}

bool TicketKey::open(const unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac) const {
  return set_mac(mac) && EVP_DecryptInit_ex(cipher, algorithm(), nullptr, cipher_.data(), iv) == 1;
}

// RFC 5077, 4: name, IV, session, MAC.
bool TicketKey::seal(std::span<const unsigned char> session,
                     std::vector<unsigned char>& ticket) const {
  thread_local CipherPtr context(EVP_CIPHER_CTX_new());
  EVP_CIPHER_CTX* cipher = context.get();
  ticket.resize(name_size + iv_size + session.size() + block_size + mac_size);
  unsigned char* iv = ticket.data() + name_size;
  unsigned char* end = iv + iv_size;
  // To name the same one again would have it allocated anew.
  const EVP_CIPHER* other =
      EVP_CIPHER_CTX_get0_cipher(cipher) == algorithm() ? nullptr : algorithm();
  int written = 0;
  std::ranges::copy(name_, ticket.begin());
  if (!public_random({iv, iv_size}) ||
      !EVP_EncryptInit_ex2(cipher, other, cipher_.data(), iv, nullptr) ||
      !EVP_EncryptUpdate(cipher, end, &written, session.data(), int(session.size()))) {
    return false;
  }
  end += written;
  if (!EVP_EncryptFinal_ex(cipher, end, &written)) return false;
  end += written;
  sign({ticket.data(), end}, {end, mac_size});
  ticket.resize(size_t(end - ticket.data()) + mac_size);
  return true;
}

bool TicketKey::has_sealed(std::span<const unsigned char> ticket) const {
  if (ticket.size() < name_size + iv_size + mac_size || !has_name(ticket.data())) return false;
  unsigned char mac[mac_size];
  sign(ticket.first(ticket.size() - mac_size), mac);
  return CRYPTO_memcmp(mac, ticket.last(mac_size).data(), mac_size) == 0;
}

void TicketKey::sign(std::span<const unsigned char> sealed, std::span<unsigned char> code) const {
  HmacKey<Sha256>(std::span(mac_).first(size_)).sign(sealed, code);
}

const EVP_CIPHER* TicketKey::algorithm() const {
  // Looked up once: by name each time would cost as much as a ticket's cipher.
  static const EVP_CIPHER* const aes_128 = EVP_CIPHER_fetch(nullptr, "AES-128-CBC", nullptr);
  static const EVP_CIPHER* const aes_256 = EVP_CIPHER_fetch(nullptr, "AES-256-CBC", nullptr);
  return size_ == 16 ? aes_128 : aes_256;
}

bool TicketKey::set_mac(EVP_MAC_CTX* mac) const {
  char sha256[] = "SHA256";
  OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, const_cast<unsigned char*>(mac_.data()),
                                        size_),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, sha256, 0),
      OSSL_PARAM_construct_end(),
  };
  return EVP_MAC_CTX_set_params(mac, parameters);
}

}  // namespace sluice::tls
