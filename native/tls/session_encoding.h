#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "tls/openssl.h"

namespace sluice::tls {

/// The session of a TLS 1.3 connection as its tickets hold it: in the ASN.1 that
/// d2i_SSL_SESSION() reads. To have OpenSSL write it, by its templates and its length ahead of it,
/// would take longer than to seal it. Cleansed when it goes.
class SessionEncoding {
 public:
  explicit SessionEncoding(SSL* ssl) : ssl_(ssl) {}
  ~SessionEncoding();
  SessionEncoding(const SessionEncoding&) = delete;
  SessionEncoding& operator=(const SessionEncoding&) = delete;

  /// `secret` and `age_add` are the ticket's own (RFC 8446, 4.6.1). Empty where it is too long for
  /// a ticket. Valid until the next call.
  std::span<const uint8_t> with(std::span<const uint8_t> secret, uint32_t age_add);

 private:
  /// What a ticket may have at most (RFC 8446, 4.6.1), less what sealing adds.
  static constexpr size_t largest = 0xff00;

  // Elements (X.690, 8.1) are put one ahead of the other: so their lengths are known.
  void put(std::span<const uint8_t> bytes);
  void put_head(uint8_t tag, size_t size);
  void put_octets(std::span<const uint8_t> octets);
  void put_integer(uint64_t number);
  void put_certificate(const X509* certificate);
  /// What was put since `before` becomes the content of one with an explicit tag.
  void tag(uint8_t number, size_t before);

  void put_octets_tagged(uint8_t number, std::span<const uint8_t> octets);
  /// Zero is left out.
  void put_integer_tagged(uint8_t number, uint64_t value);

  size_t size() const { return largest - begin_; }

  SSL* ssl_;
  std::array<uint8_t, largest> bytes_;  ///< filled from its end
  size_t begin_ = largest, lowest_ = largest;
  bool fits_ = true;
};

}  // namespace sluice::tls
