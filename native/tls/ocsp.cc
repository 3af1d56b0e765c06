#include "tls/ocsp.h"

#include <openssl/x509v3.h>

#include <ctime>

namespace sluice::tls {

namespace {

using ResponsePtr = std::unique_ptr<OCSP_RESPONSE, Releaser<OCSP_RESPONSE_free>>;
using BasicPtr = std::unique_ptr<OCSP_BASICRESP, Releaser<OCSP_BASICRESP_free>>;
using RequestPtr = std::unique_ptr<OCSP_REQUEST, Releaser<OCSP_REQUEST_free>>;
using IdPtr = std::unique_ptr<OCSP_CERTID, Releaser<OCSP_CERTID_free>>;

/// Clocks differ.
constexpr long tolerated_seconds = 300;

std::optional<int64_t> seconds_of(const ASN1_GENERALIZEDTIME* time) {
  struct tm parts;
  if (!ASN1_TIME_to_tm(time, &parts)) return std::nullopt;
  return ::timegm(&parts);
}

std::nullopt_t failed(const char* call, std::string& error) {
  error = std::string(call) + " failed" + take_errors();
  return std::nullopt;
}

}  // namespace

std::string OcspSubject::request() const {
  RequestPtr request(OCSP_REQUEST_new());
  IdPtr id(OCSP_cert_to_id(nullptr, certificate, issuer));
  if (!id || !OCSP_request_add0_id(request.get(), id.get())) return {};
  (void)id.release();
  int size = i2d_OCSP_REQUEST(request.get(), nullptr);
  if (size <= 0) return {};
  std::string der(size_t(size), '\0');
  auto* out = reinterpret_cast<unsigned char*>(der.data());
  i2d_OCSP_REQUEST(request.get(), &out);
  return der;
}

std::string responder_url(X509* certificate) {
  STACK_OF(OPENSSL_STRING)* urls = X509_get1_ocsp(certificate);
  const char* first = sk_OPENSSL_STRING_value(urls, 0);
  std::string url = first ? first : "";
  X509_email_free(urls);
  return url;
}

std::optional<OcspStatus> read_ocsp_response(std::string_view response, const OcspSubject& subject,
                                             STACK_OF(X509) * chain, X509_STORE* store,
                                             unsigned long flags, std::string& error) {
  ERR_clear_error();
  const auto* bytes = reinterpret_cast<const unsigned char*>(response.data());
  ResponsePtr parsed(d2i_OCSP_RESPONSE(nullptr, &bytes, long(response.size())));
  if (!parsed) return failed("d2i_OCSP_RESPONSE()", error);
  if (int code = OCSP_response_status(parsed.get()); code != OCSP_RESPONSE_STATUS_SUCCESSFUL) {
    error = "OCSP response not successful (" + std::to_string(code) + ": " +
            OCSP_response_status_str(code) + ")";
    return std::nullopt;
  }
  BasicPtr basic(OCSP_response_get1_basic(parsed.get()));
  if (!basic) return failed("OCSP_response_get1_basic()", error);
  if (OCSP_basic_verify(basic.get(), chain, store, flags) != 1) {
    return failed("OCSP_basic_verify()", error);
  }
  IdPtr id(OCSP_cert_to_id(nullptr, subject.certificate, subject.issuer));
  if (!id) return failed("OCSP_cert_to_id()", error);
  OcspStatus found;
  ASN1_GENERALIZEDTIME *since = nullptr, *next = nullptr;
  if (OCSP_resp_find_status(basic.get(), id.get(), &found.status, nullptr, nullptr, &since,
                            &next) != 1) {
    error = "certificate status not found in the OCSP response";
    return std::nullopt;
  }
  if (OCSP_check_validity(since, next, tolerated_seconds, -1) != 1) {
    return failed("OCSP_check_validity()", error);
  }
  if (!next) return found;
  std::optional<int64_t> until = seconds_of(next);
  if (!until) {
    error = "invalid nextUpdate time in certificate status";
    return std::nullopt;
  }
  found.valid_until = *until;
  return found;
}

}  // namespace sluice::tls
