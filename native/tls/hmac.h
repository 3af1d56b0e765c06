#pragma once

#include <openssl/evp.h>

#include <cstdint>
#include <span>
#include <string_view>

namespace sluice::tls {

/// HMAC (RFC 2104) for as many messages under one key as there are. It works in a context of the
/// thread's, which spares looking up the algorithm: there is one at a time.
class Hmac {
 public:
  /// `digest`: SHA-256 or SHA-384.
  Hmac(const EVP_MD* digest, std::span<const uint8_t> key);
  Hmac(const Hmac&) = delete;
  Hmac& operator=(const Hmac&) = delete;

  /// Its first bytes, as many as `out` takes.
  void operator()(std::span<const uint8_t> message, std::span<uint8_t> out);

 private:
  EVP_MAC_CTX* context_;
  bool begun_ = true;
};

/// HKDF-Expand-Label (RFC 8446, 7.1) of one secret, with an empty context, for outputs that one
/// block of the digest holds.
class LabelExpansion {
 public:
  LabelExpansion(const EVP_MD* digest, std::span<const uint8_t> secret) : hmac_(digest, secret) {}
  void operator()(std::string_view label, std::span<uint8_t> out);

 private:
  Hmac hmac_;
};

}  // namespace sluice::tls
