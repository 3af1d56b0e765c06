#pragma once

#include <array>
#include <span>
#include <vector>

#include "tls/openssl.h"

namespace sluice::tls {

/// A key that session tickets are sealed with (RFC 5077, 4), as `ssl_session_ticket_key` files hold
/// it.
class TicketKey {
 public:
  using Bytes = std::array<unsigned char, 80>;
  static constexpr size_t name_size = 16;

  /// 48 bytes: name, AES-128, HMAC; 80 bytes: name, HMAC, AES-256.
  static TicketKey parse(std::span<const unsigned char> file);
  /// As 80 bytes; of one that was 80 bytes.
  Bytes bytes() const;

  bool has_name(const unsigned char* name) const;
  /// Makes a ticket that holds `session`. False: there is no randomness to be had.
  bool seal(std::span<const unsigned char> session, std::vector<unsigned char>& ticket) const;
  /// The same by OpenSSL: its cipher and MAC are made ready. To seal, `name` and `iv` are filled.
  bool seal(unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac) const;
  bool open(const unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac) const;
  /// Whether a ticket, as OpenSSL lays it out, is one that this key has sealed.
  bool has_sealed(std::span<const unsigned char> ticket) const;

 private:
  void sign(std::span<const unsigned char> sealed, std::span<unsigned char> code) const;
  bool set_mac(EVP_MAC_CTX* mac) const;
  const EVP_CIPHER* algorithm() const;

  std::array<unsigned char, name_size> name_;
  std::array<unsigned char, 32> cipher_;
  std::array<unsigned char, 32> mac_;
  size_t size_;  ///< of the other two: 16 or 32
};

}  // namespace sluice::tls
