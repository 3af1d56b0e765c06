#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "tls/openssl.h"

namespace sluice::tls {

/// A session in ASN.1, as OpenSSL's tickets hold it, encoded once for several tickets: only its
/// secret and what hides its age are each ticket's own. Cleansed when it goes.
class SessionEncoding {
 public:
  /// Nothing where it is too long for a ticket, or not laid out as it is known here.
  static std::optional<SessionEncoding> of(const SSL_SESSION* session);
  ~SessionEncoding();
  SessionEncoding(SessionEncoding&&) = default;
  SessionEncoding& operator=(SessionEncoding&&) = delete;

  /// `secret` is as long as the session's own (RFC 8446, 4.6.1). Valid until the next call.
  std::span<const uint8_t> with(std::span<const uint8_t> secret, uint32_t age_add);

 private:
  SessionEncoding() = default;
  bool find_parts();

  std::vector<uint8_t> bytes_, altered_;
  size_t content_ = 0;  ///< where the sequence's elements begin
  size_t secret_ = 0, secret_size_ = 0;
  size_t age_add_ = 0;  ///< where that element is, or belongs
  size_t rest_ = 0;     ///< where the next one is
};

}  // namespace sluice::tls
