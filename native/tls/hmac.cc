#include "tls/hmac.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "tls/openssl.h"

namespace sluice::tls {
namespace {

using Context = std::unique_ptr<EVP_MAC_CTX, Releaser<EVP_MAC_CTX_free>>;

Context new_context(const EVP_MD* digest) {
  static EVP_MAC* const algorithm = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
  Context context(EVP_MAC_CTX_new(algorithm));
  char* name = const_cast<char*>(EVP_MD_get0_name(digest));
  const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
                                   OSSL_PARAM_construct_end()};
  EVP_MAC_CTX_set_params(context.get(), parameters);
  return context;
}

EVP_MAC_CTX* context_of_thread(const EVP_MD* digest) {
  static thread_local Context sha256, sha384;
  Context& context = EVP_MD_get_size(digest) == 32 ? sha256 : sha384;
  if (!context) context = new_context(digest);
  return context.get();
}

}  // namespace

Hmac::Hmac(const EVP_MD* digest, std::span<const uint8_t> key)
    : context_(context_of_thread(digest)) {
  EVP_MAC_init(context_, key.data(), key.size(), nullptr);
}

void Hmac::operator()(std::span<const uint8_t> message, std::span<uint8_t> out) {
  // Under the same key again: its two blocks are hashed already.
  if (!std::exchange(begun_, false)) EVP_MAC_init(context_, nullptr, 0, nullptr);
  uint8_t code[EVP_MAX_MD_SIZE];
  size_t size = 0;
  EVP_MAC_update(context_, message.data(), message.size());
  EVP_MAC_final(context_, code, &size, sizeof code);
  std::copy_n(code, std::min(size, out.size()), out.begin());
  OPENSSL_cleanse(code, sizeof code);
}

void LabelExpansion::operator()(std::string_view label, std::span<uint8_t> out) {
  constexpr std::string_view prefix = "tls13 ";
  uint8_t info[32] = {0, uint8_t(out.size()), uint8_t(prefix.size() + label.size())};
  uint8_t* end = std::ranges::copy(prefix, info + 3).out;
  end = std::ranges::copy(label, end).out;
  *end++ = 0;  // no context
  *end++ = 1;  // the first block of HKDF-Expand, and here the only one
  hmac_({info, end}, out);
}

}  // namespace sluice::tls
