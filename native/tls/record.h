#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "tls/record_keys.h"

/// TLS records as they go over the wire (RFC 8446, 5; RFC 5246, 6.2).
namespace sluice::tls::record {

constexpr size_t head_size = SSL3_RT_HEADER_LENGTH;
constexpr size_t explicit_nonce_size = EVP_GCM_TLS_EXPLICIT_IV_LEN;
constexpr size_t largest_plaintext = SSL3_RT_MAX_PLAIN_LENGTH;

enum class Type : uint8_t {
  change_cipher_spec = SSL3_RT_CHANGE_CIPHER_SPEC,
  alert = SSL3_RT_ALERT,
  handshake = SSL3_RT_HANDSHAKE,
  application_data = SSL3_RT_APPLICATION_DATA,
};

/// What lies before a record's plaintext.
inline size_t prefix_size(const RecordKeys& keys) {
  return head_size + (keys.has_explicit_nonce() ? explicit_nonce_size : 0);
}

/// What lies behind it, padding aside.
inline size_t suffix_size(const RecordKeys& keys) {
  return (keys.is_tls13() ? 1 : 0) + RecordSuite::tag_size;
}

/// What is authenticated along with a record: its head (RFC 8446, 5.2), or its number and a head
/// that tells the plaintext's size (RFC 5246, 6.2.3.3).
class AssociatedData {
 public:
  AssociatedData(const RecordKeys& keys, std::span<const uint8_t, head_size> head,
                 size_t plaintext_size);
  const uint8_t* data() const { return bytes_; }
  size_t size() const { return size_; }

 private:
  uint8_t bytes_[8 + head_size];
  size_t size_;
};

}  // namespace sluice::tls::record
