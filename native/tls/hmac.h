#pragma once

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <variant>

#include "base/byte_order.h"
#include "tls/cleanse.h"

namespace sluice::tls {

using Bytes = std::span<const uint8_t>;

/// SHA-256 by OpenSSL's own functions: EVP would look it up and allocate for every digest.
struct Sha256 {
  static constexpr size_t size = SHA256_DIGEST_LENGTH, block = SHA256_CBLOCK, length_size = 8;
  /// What blocks come to.
  using Chain = std::array<uint32_t, 8>;

  SHA256_CTX state;
  void begin();
  /// As if one block had been added, which came to that.
  void begin_behind(const Chain& first);
  void add(Bytes bytes);
  void end(uint8_t* digest);

  /// A block more, past what counts and buffers; and what it comes to.
  void compress(const uint8_t* bytes);
  Chain chain() const;
  void store_chain(uint8_t* digest) const;
};

/// SHA-384, likewise.
struct Sha384 {
  static constexpr size_t size = SHA384_DIGEST_LENGTH, block = SHA512_CBLOCK, length_size = 16;
  using Chain = std::array<uint64_t, 8>;

  SHA512_CTX state;
  void begin();
  void begin_behind(const Chain& first);
  void add(Bytes bytes);
  void end(uint8_t* digest);

  void compress(const uint8_t* bytes);
  Chain chain() const;
  void store_chain(uint8_t* digest) const;
};

/// HMAC (RFC 2104) under one key, ready for messages.
template <typename Hash>
class HmacKey {
 public:
  HmacKey() = default;
  explicit HmacKey(Bytes key) {
    Hash working;
    uint8_t pad[Hash::block] = {};
    if (key.size() > Hash::block) {
      working.begin();
      working.add(key);
      working.end(pad);
    } else {
      std::ranges::copy(key, pad);
    }
    for (uint8_t& byte : pad) byte ^= 0x36;
    working.begin();
    working.compress(pad);
    inner_ = working.chain();
    for (uint8_t& byte : pad) byte ^= 0x36 ^ 0x5c;
    working.begin();
    working.compress(pad);
    outer_ = working.chain();
    cleanse(pad);
    cleanse(working);
  }
  HmacKey(const HmacKey&) = default;
  HmacKey& operator=(const HmacKey&) = default;
  ~HmacKey() { cleanse(*this); }

  /// `code` has Hash::size bytes, or fewer if only the first ones are wanted.
  void sign(Bytes message, std::span<uint8_t> code) const {
    Hash working;
    if (message.size() > most_in_a_block) {
      working = begin();
      working.add(message);
      end(working, code);
    } else {
      uint8_t inner[Hash::size];
      end_in_a_block(working, inner_, message, inner);
      end(working, inner, code);
    }
  }

  /// The same of a message that comes in pieces: they are added to what this returns.
  Hash begin() const {
    Hash working;
    working.begin_behind(inner_);
    return working;
  }
  void end(Hash& working, std::span<uint8_t> code) const {
    uint8_t inner[Hash::size];
    working.end(inner);
    end(working, inner, code);
  }

 private:
  using Chain = typename Hash::Chain;
  static constexpr size_t most_in_a_block = Hash::block - 1 - Hash::length_size;

  void end(Hash& working, std::span<uint8_t, Hash::size> inner, std::span<uint8_t> code) const {
    end_in_a_block(working, outer_, inner, inner);
    std::copy_n(inner.begin(), std::min(code.size(), Hash::size), code.begin());
    cleanse(inner.data(), inner.size());
    cleanse(working);
  }

  // Nearly all that is signed is as short as that: no need to go by the digest's buffer.
  static void end_in_a_block(Hash& working, const Chain& first, Bytes message,
                             std::span<uint8_t, Hash::size> digest) {
    uint8_t block[Hash::block] = {};
    std::ranges::copy(message, block);
    block[message.size()] = 0x80;
    store_be64(block + Hash::block - sizeof(uint64_t), 8 * (Hash::block + message.size()));
    working.begin_behind(first);
    working.compress(block);
    working.store_chain(digest.data());
    cleanse(block);
  }

  Chain inner_, outer_;
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
