#pragma once

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <memory>
#include <string>

/// Ownership of OpenSSL's objects. The library is the Node executable's own; nothing links another.
namespace sluice::tls {

template <auto release>
struct Releaser {
  template <typename T>
  void operator()(T* object) const {
    release(object);
  }
};

using SslPtr = std::unique_ptr<SSL, Releaser<SSL_free>>;
using ContextPtr = std::unique_ptr<SSL_CTX, Releaser<SSL_CTX_free>>;
using SessionPtr = std::unique_ptr<SSL_SESSION, Releaser<SSL_SESSION_free>>;
using CertificatePtr = std::unique_ptr<X509, Releaser<X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Releaser<EVP_PKEY_free>>;
using CipherPtr = std::unique_ptr<EVP_CIPHER_CTX, Releaser<EVP_CIPHER_CTX_free>>;
using BioPtr = std::unique_ptr<BIO, Releaser<BIO_free_all>>;

/// Takes all of this thread's errors: ` (SSL: error:0A00010B:SSL routines::wrong version number)`,
/// as nginx logs them; empty when there are none.
std::string take_errors();

}  // namespace sluice::tls
