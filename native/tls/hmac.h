#pragma once

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <variant>

#include "tls/cleanse.h"

namespace sluice::tls {

using Bytes = std::span<const uint8_t>;

/// SHA-256 by OpenSSL's own functions: EVP would look it up and allocate for every digest.
struct Sha256 {
  static constexpr size_t size = SHA256_DIGEST_LENGTH, block = SHA256_CBLOCK;
  SHA256_CTX state;
  void begin();
  void add(Bytes bytes);
  void end(uint8_t* digest);
};

/// SHA-384, likewise.
struct Sha384 {
  static constexpr size_t size = SHA384_DIGEST_LENGTH, block = SHA512_CBLOCK;
  SHA512_CTX state;
  void begin();
  void add(Bytes bytes);
  void end(uint8_t* digest);
};

/// HMAC (RFC 2104) under one key, ready for messages.
template <typename Hash>
class HmacKey {
 public:
  HmacKey() = default;
  explicit HmacKey(Bytes key) {
    uint8_t pad[Hash::block] = {};
    if (key.size() > Hash::block) {
      inner_.begin();
      inner_.add(key);
      inner_.end(pad);
    } else {
      std::ranges::copy(key, pad);
    }
    for (uint8_t& byte : pad) byte ^= 0x36;
    inner_.begin();
    inner_.add(pad);
    for (uint8_t& byte : pad) byte ^= 0x36 ^ 0x5c;
    outer_.begin();
    outer_.add(pad);
    cleanse(pad);
  }
  HmacKey(const HmacKey&) = default;
  HmacKey& operator=(const HmacKey&) = default;
  ~HmacKey() { cleanse(*this); }

  /// `code` has Hash::size bytes, or fewer if only the first ones are wanted.
  void sign(Bytes message, std::span<uint8_t> code) const {
    Hash working = begin();
    working.add(message);
    end(working, code);
  }

  /// The same of a message that comes in pieces: they are added to what this returns.
  Hash begin() const { return inner_; }
  void end(Hash& working, std::span<uint8_t> code) const {
    uint8_t whole[Hash::size];
    working.end(whole);
    working = outer_;
    working.add(whole);
    working.end(whole);
    std::copy_n(whole, std::min(code.size(), Hash::size), code.begin());
    cleanse(whole);
    cleanse(working);
  }

 private:
  Hash inner_, outer_;
};

/// HKDF-Expand-Label (RFC 8446, 7.1) of no more than a digest's length: one round of HKDF-Expand
/// (RFC 5869, 2.3). False: something is too long.
template <typename Hash>
bool expand_label(const HmacKey<Hash>& secret, Bytes prefix, Bytes label, Bytes context,
                  std::span<uint8_t> out) {
  size_t label_size = prefix.size() + label.size();
  if (out.size() > Hash::size || label_size > UINT8_MAX || context.size() > UINT8_MAX) return false;
  // In one piece: for each the digest would be called.
  std::array<uint8_t, 2 + 1 + UINT8_MAX + 1 + UINT8_MAX + 1> info;
  uint8_t* end = info.data();
  auto put = [&end](Bytes bytes) { end = std::ranges::copy(bytes, end).out; };
  *end++ = uint8_t(out.size() >> 8);
  *end++ = uint8_t(out.size());
  *end++ = uint8_t(label_size);
  put(prefix);
  put(label);
  *end++ = uint8_t(context.size());
  put(context);
  *end++ = 1;
  secret.sign({info.data(), end}, out);
  return true;
}

/// HMAC by a digest that is known only now: SHA-256 or SHA-384.
class Hmac {
 public:
  Hmac(const EVP_MD* digest, Bytes key);

  /// Its first bytes, as many as `out` takes.
  void operator()(Bytes message, std::span<uint8_t> out) const;

 private:
  friend class LabelExpansion;
  std::variant<HmacKey<Sha256>, HmacKey<Sha384>> key_;
};

/// HKDF-Expand-Label of one secret as TLS 1.3 and QUIC have it.
class LabelExpansion {
 public:
  LabelExpansion(const EVP_MD* digest, Bytes secret) : hmac_(digest, secret) {}
  void operator()(std::string_view label, std::span<uint8_t> out, Bytes context = {}) const;

 private:
  Hmac hmac_;
};

}  // namespace sluice::tls
