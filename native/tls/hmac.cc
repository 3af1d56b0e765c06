// The digests without the detour by EVP.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "tls/hmac.h"

#include "base/bytes.h"

namespace sluice::tls {

void Sha256::begin() { SHA256_Init(&state); }
void Sha256::add(Bytes bytes) { SHA256_Update(&state, bytes.data(), bytes.size()); }
void Sha256::end(uint8_t* digest) { SHA256_Final(digest, &state); }

void Sha384::begin() { SHA384_Init(&state); }
void Sha384::add(Bytes bytes) { SHA384_Update(&state, bytes.data(), bytes.size()); }
void Sha384::end(uint8_t* digest) { SHA384_Final(digest, &state); }

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
