// The digests without the detour by EVP.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "tls/hmac.h"

#include "base/bytes.h"

namespace sluice::tls {

namespace {

/// What SHA256_Init() and its like leave, but for the chain; then a block goes by.
template <typename State, typename Chain>
void set_behind_a_block(State& state, const Chain& chain, size_t block) {
  std::ranges::copy(chain, state.h);
  state.Nl = 8 * block;
  state.Nh = 0;
  state.num = 0;
}

}  // namespace

void Sha256::begin() { SHA256_Init(&state); }
void Sha256::begin_behind(const Chain& first) {
  set_behind_a_block(state, first, block);
  state.md_len = size;
}
void Sha256::add(Bytes bytes) { SHA256_Update(&state, bytes.data(), bytes.size()); }
void Sha256::end(uint8_t* digest) { SHA256_Final(digest, &state); }
void Sha256::compress(const uint8_t* bytes) { SHA256_Transform(&state, bytes); }
Sha256::Chain Sha256::chain() const { return std::to_array(state.h); }
void Sha256::store_chain(uint8_t* digest) const {
  for (size_t i = 0; i < size / 4; ++i) store_be32(digest + 4 * i, state.h[i]);
}

void Sha384::begin() { SHA384_Init(&state); }
void Sha384::begin_behind(const Chain& first) {
  set_behind_a_block(state, first, block);
  state.md_len = size;
}
void Sha384::add(Bytes bytes) { SHA384_Update(&state, bytes.data(), bytes.size()); }
void Sha384::end(uint8_t* digest) { SHA384_Final(digest, &state); }
void Sha384::compress(const uint8_t* bytes) { SHA512_Transform(&state, bytes); }
Sha384::Chain Sha384::chain() const {
  Chain chain;
  std::ranges::copy(state.h, chain.begin());
  return chain;
}
void Sha384::store_chain(uint8_t* digest) const {
  for (size_t i = 0; i < size / 8; ++i) store_be64(digest + 8 * i, state.h[i]);
}

Hmac::Hmac(const EVP_MD* digest, Bytes key) {
  if (EVP_MD_get_size(digest) == Sha256::size) {
    key_.emplace<HmacKey<Sha256>>(key);
  } else {
    key_.emplace<HmacKey<Sha384>>(key);
  }
}

void Hmac::operator()(Bytes message, std::span<uint8_t> out) const {
  std::visit([&](const auto& key) { key.sign(message, out); }, key_);
}

void LabelExpansion::operator()(std::string_view label, std::span<uint8_t> out,
                                Bytes context) const {
  std::visit(
      [&](const auto& secret) {
        expand_label(secret, as_bytes("tls13 "), as_bytes(label), context, out);
      },
      hmac_.key_);
}

}  // namespace sluice::tls
