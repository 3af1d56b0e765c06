#include "quic/host_keys.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cstring>

#include "base/byte_order.h"
#include "base/bytes.h"
#include "tls/hmac.h"
#include "tls/openssl.h"

namespace sluice::quic {
namespace {

/// A token's first byte.
constexpr uint8_t retry_kind = 0x52;
constexpr uint8_t new_kind = 0x4e;
constexpr int64_t retry_lifetime_s = 10;
constexpr int64_t new_lifetime_s = 600;
/// Hosts that believe each other's tokens have clocks of their own.
constexpr int64_t clock_skew_s = 5;
constexpr size_t max_keys = 3;

constexpr size_t nonce_size = 12;
constexpr size_t tag_size = 16;
constexpr size_t head_size = 1 + nonce_size;
constexpr size_t time_size = 8;

/// Looked up once.
const EVP_CIPHER* token_cipher() {
  static const EVP_CIPHER* const cipher = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  return cipher;
}

/// What a token is bound to: the client's address, and for Retry its port and our connection ID.
std::vector<uint8_t> binding(const net::Address& remote, const ConnectionId* id) {
  std::span<const uint8_t> ip = remote.ip_bytes();
  std::vector<uint8_t> bytes(ip.begin(), ip.end());
  if (!id) return bytes;
  bytes.push_back(uint8_t(remote.port() >> 8));
  bytes.push_back(uint8_t(remote.port()));
  bytes.insert(bytes.end(), id->view().begin(), id->view().end());
  return bytes;
}

std::vector<uint8_t> content(int64_t now_s, std::span<const uint8_t> rest) {
  std::vector<uint8_t> bytes(time_size);
  for (size_t i = 0; i < time_size; ++i) bytes[i] = uint8_t(now_s >> (8 * (time_size - 1 - i)));
  bytes.insert(bytes.end(), rest.begin(), rest.end());
  return bytes;
}

/// Nothing unless the token is whole.
std::optional<std::vector<uint8_t>> open_with(std::span<const uint8_t> key,
                                              std::span<const uint8_t> token,
                                              std::span<const uint8_t> associated) {
  if (token.size() < head_size + time_size + tag_size) return std::nullopt;
  std::span<const uint8_t> sealed = token.subspan(head_size);
  std::vector<uint8_t> plain(sealed.size() - tag_size);
  tls::CipherPtr context(EVP_CIPHER_CTX_new());
  auto* tag = const_cast<uint8_t*>(sealed.data() + plain.size());
  int size = 0;
  bool done =
      EVP_DecryptInit_ex(context.get(), token_cipher(), nullptr, key.data(), &token[1]) &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, tag_size, tag) &&
      EVP_DecryptUpdate(context.get(), nullptr, &size, associated.data(), int(associated.size())) &&
      EVP_DecryptUpdate(context.get(), plain.data(), &size, sealed.data(), int(plain.size())) &&
      EVP_DecryptFinal_ex(context.get(), plain.data() + size, &size);
  if (done) return plain;
  ERR_clear_error();
  return std::nullopt;
}

bool is_fresh(std::span<const uint8_t> plain, int64_t now_s, int64_t lifetime_s) {
  auto made = int64_t(big_endian(plain.first(time_size)));
  return made <= now_s + clock_skew_s && now_s - made <= lifetime_s;
}

}  // namespace

HostKeys::Keys::Keys(std::string_view key) {
  tls::Hmac hmac(EVP_sha256(), as_bytes(key));
  hmac(as_bytes("sluice quic token"), token);
  hmac(as_bytes("sluice quic reset"), reset);
}

HostKeys::HostKeys(std::string_view key) { keys_.emplace_back(key); }

void HostKeys::prefer(std::string_view key) {
  Keys preferred(key);
  if (preferred == in_force()) return;
  keys_.insert(keys_.begin(), preferred);
  if (keys_.size() > max_keys) keys_.erase(keys_.end() - 2);
}

std::vector<uint8_t> HostKeys::seal(uint8_t kind, std::span<const uint8_t> plain,
                                    std::span<const uint8_t> associated) const {
  std::vector<uint8_t> token(head_size + plain.size() + tag_size);
  token[0] = kind;
  RAND_bytes(&token[1], nonce_size);
  uint8_t* out = &token[head_size];
  tls::CipherPtr context(EVP_CIPHER_CTX_new());
  int size = 0;
  EVP_EncryptInit_ex(context.get(), token_cipher(), nullptr, in_force().token.data(), &token[1]);
  EVP_EncryptUpdate(context.get(), nullptr, &size, associated.data(), int(associated.size()));
  EVP_EncryptUpdate(context.get(), out, &size, plain.data(), int(plain.size()));
  EVP_EncryptFinal_ex(context.get(), out + size, &size);
  EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, tag_size, out + plain.size());
  return token;
}

std::optional<std::vector<uint8_t>> HostKeys::open(std::span<const uint8_t> token,
                                                   std::span<const uint8_t> associated) const {
  for (const Keys& keys : keys_) {
    if (auto plain = open_with(keys.token, token, associated)) return plain;
  }
  return std::nullopt;
}

std::vector<uint8_t> HostKeys::retry_token(const net::Address& remote, const ConnectionId& original,
                                           const ConnectionId& retry_id, int64_t now_s) const {
  return seal(retry_kind, content(now_s, original.view()), binding(remote, &retry_id));
}

std::vector<uint8_t> HostKeys::new_token(const net::Address& remote, int64_t now_s) const {
  return seal(new_kind, content(now_s, {}), binding(remote, nullptr));
}

TokenVerdict HostKeys::check_token(std::span<const uint8_t> token, const net::Address& remote,
                                   const ConnectionId& destination, int64_t now_s) const {
  if (token.empty()) return {};
  if (token[0] == retry_kind) {
    auto plain = open(token, binding(remote, &destination));
    bool fits = plain && plain->size() - time_size <= ConnectionId::max_size;
    if (!fits || !is_fresh(*plain, now_s, retry_lifetime_s)) {
      return {TokenVerdict::Kind::forged, {}};
    }
    return {TokenVerdict::Kind::retried, ConnectionId(std::span(*plain).subspan(time_size))};
  }
  if (token[0] != new_kind) return {};
  auto plain = open(token, binding(remote, nullptr));
  if (!plain || !is_fresh(*plain, now_s, new_lifetime_s)) return {};
  return {TokenVerdict::Kind::validated, {}};
}

std::array<uint8_t, 16> HostKeys::reset_token(const ConnectionId& id) const {
  std::array<uint8_t, 16> token;
  tls::Hmac(EVP_sha256(), in_force().reset)(id.view(), token);
  return token;
}

}  // namespace sluice::quic
