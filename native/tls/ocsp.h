#pragma once

#include <openssl/ocsp.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "tls/openssl.h"
#include "tls/pem.h"

/// The status of certificates, as OCSP responders tell it (RFC 6960).
namespace sluice::tls {

/// A certificate, and the one that signed it: both somebody else's.
struct OcspSubject {
  X509* certificate = nullptr;
  X509* issuer = nullptr;

  /// What a responder is asked, in DER; empty on failure.
  std::string request() const;
};

/// Where a certificate says that its status is told; empty when it doesn't.
std::string responder_url(X509* certificate);

struct OcspStatus {
  static constexpr int64_t forever = std::numeric_limits<int64_t>::max();

  int status = V_OCSP_CERTSTATUS_UNKNOWN;  ///< V_OCSP_CERTSTATUS_GOOD, …_REVOKED
  int64_t valid_until = forever;           ///< seconds since 1970
};

/// What `response`, in DER, says of a certificate. `chain` and `store` vouch for who signed it;
/// `flags` as of OCSP_basic_verify(). Nothing with `error`, in nginx's words, when it says nothing
/// that can be believed.
std::optional<OcspStatus> read_ocsp_response(std::string_view response, const OcspSubject& subject,
                                             STACK_OF(X509) * chain, X509_STORE* store,
                                             unsigned long flags, std::string& error);

/// Whom to ask, as the configuration has it; the texts are for whoever fetches.
struct OcspResponder {
  std::string_view url;        ///< empty: the certificate names one
  std::string_view addresses;  ///< of its host, found when the configuration was read; `a:p b:p`
  std::string_view resolver;   ///< empty: there is none
};

/// Brings responses. The handshake's thread never waits for one.
class OcspFetcher {
 public:
  using OnResponse = void (*)(void* context, bool ok, std::string_view response);
  static constexpr uint32_t timeout_ms = 60'000;

  /// `name`: what logs call the certificate. The response comes later, never within the call; not
  /// at all after forget().
  virtual uint32_t fetch(const OcspResponder& responder, std::string_view name,
                         std::string_view request, OnResponse on_response, void* context) = 0;
  virtual void forget(uint32_t fetching) = 0;
  /// Something was wrong with a response: `message` for the error log.
  virtual void report(std::string_view message, std::string_view name) = 0;

 protected:
  ~OcspFetcher() = default;
};

}  // namespace sluice::tls
