#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "tls/openssl.h"

namespace sluice::tls {

class Context;

/// What a server's handshake has come to. Outlives OpenSSL's own object, which a connection needs
/// no longer than its handshake goes on.
class Agreement {
 public:
  /// What the client has offered, by OpenSSL's names or else in hexadecimal, colons in between.
  struct Offers {
    std::string ciphers;
    std::string groups;
    std::string signatures;
  };

  /// As it stands now. `with_offers`: somebody will ask for them.
  Agreement(SSL* ssl, bool with_offers);
  /// Adds what comes with the handshake's end: the client's certificate, and in TLS 1.3 the session
  /// of the tickets. Before it, does what can be done.
  void complete(SSL* ssl);

  std::span<const uint8_t> session_id() const {
    return std::span(session_id_).first(session_id_size_);
  }
  /// The session must not be resumed.
  void forget_session() const;
  /// The connection has failed, and TLS 1.2's session with it (RFC 5246, 7.2.2).
  void forget_failed_session() const {
    if (version_ < TLS1_3_VERSION) forget_session();
  }

  const char* protocol;                    ///< `TLSv1.3`
  const char* cipher;                      ///< `TLS_AES_256_GCM_SHA384`
  const char* signature = nullptr;         ///< the server's; null: it signed nothing
  const char* client_signature = nullptr;  ///< the same
  const char* client_fault = nullptr;      ///< what OCSP says against the client; null: nothing
  CertificatePtr client_certificate;
  long verify_result = X509_V_OK;  ///< of the client's certificate
  std::string group;               ///< of the key exchange; empty: there was none
  std::string server_name;         ///< as the client has said it
  std::string protocol_above;      ///< by ALPN (RFC 7301)
  std::unique_ptr<const Offers> offers;
  std::string failure;  ///< of the connection, as TlsStream::failure() has it; empty: none
  bool failure_is_ours = false;
  bool resumed;
  bool early = true;  ///< the handshake isn't over: what comes may be a replay (RFC 8446, 8)

 private:
  const Context& context_;
  uint16_t version_;
  uint8_t session_id_size_ = 0;
  std::array<uint8_t, SSL_MAX_SSL_SESSION_ID_LENGTH> session_id_;
};

}  // namespace sluice::tls
