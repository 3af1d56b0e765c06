#pragma once

#include <openssl/core.h>

namespace sluice::tls {

/// HMAC as OpenSSL calls it (EVP_MAC-HMAC(7)): what handshakes end with, what binds a ticket to its
/// secret, and seals it. OpenSSL's own looks up the digest by name and allocates nine times for
/// each. By any other digest than SHA-256 and SHA-384, and of records whose padding must not show
/// in the time it takes (CBC), it is OpenSSL's own.
const OSSL_ALGORITHM* hmac_algorithm();

}  // namespace sluice::tls
