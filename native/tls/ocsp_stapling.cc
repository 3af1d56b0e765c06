#include "tls/ocsp_stapling.h"

#include <algorithm>

#include "base/clock.h"

namespace sluice::tls {

namespace {

// A response is fetched anew five minutes before it expires, but not more often than every five
// minutes, and at least every hour.
constexpr int64_t ahead = 300, soonest = 300, latest = 3600;

/// The certificate's issuer: of its chain, else of those that the context trusts.
CertificatePtr find_issuer(SSL_CTX* context, X509* certificate, STACK_OF(X509) * chain) {
  for (int i = 0; i < sk_X509_num(chain); ++i) {
    X509* candidate = sk_X509_value(chain, i);
    if (X509_check_issued(candidate, certificate) != X509_V_OK) continue;
    X509_up_ref(candidate);
    return CertificatePtr(candidate);
  }
  std::unique_ptr<X509_STORE_CTX, Releaser<X509_STORE_CTX_free>> lookup(X509_STORE_CTX_new());
  X509* issuer = nullptr;
  X509_STORE_CTX_init(lookup.get(), SSL_CTX_get_cert_store(context), nullptr, nullptr);
  if (X509_STORE_CTX_get1_issuer(&issuer, lookup.get(), certificate) <= 0) return nullptr;
  return CertificatePtr(issuer);
}

}  // namespace

/// One certificate's response.
struct OcspStapling::Staple {
  OcspStapling& stapling;
  X509* certificate;  ///< the context's
  STACK_OF(X509) * chain;
  CertificatePtr issuer;
  OcspResponder responder;
  std::string_view name;
  std::string response = {};
  int64_t valid_until = 0;
  int64_t refresh_at = 0;
  bool fetching = false;
};

std::unique_ptr<OcspStapling> OcspStapling::install(SSL_CTX* context, const Settings& settings,
                                                    OcspFetcher* fetcher, std::string& error) {
  const Settings::Stapling& said = settings.stapling;
  std::unique_ptr<OcspStapling> made(new OcspStapling(context, fetcher, said.verify));
  if (said.file) {
    if (!made->add_file(said.file, error)) return nullptr;
  } else {
    for (size_t i = 0; i < said.responders.size(); ++i) {
      made->add(settings.identities[i].certificate, said.responders[i]);
    }
  }
  SSL_CTX_set_tlsext_status_cb(context, on_status_request);
  SSL_CTX_set_tlsext_status_arg(context, made.get());
  return made;
}

OcspStapling::OcspStapling(SSL_CTX* context, OcspFetcher* fetcher, bool verify)
    : context_(context), fetcher_(fetcher), verify_(verify) {}

OcspStapling::~OcspStapling() = default;

void OcspStapling::add(const Pem& certificate, const OcspResponder& responder) {
  std::string error;
  ChainPtr parsed = responder.url.empty() ? nullptr : load_chain(certificate, error);
  // A later certificate may have replaced it: one for each kind of key.
  if (!parsed || !SSL_CTX_select_current_cert(context_, sk_X509_value(parsed.get(), 0))) return;
  X509* shown = SSL_CTX_get0_certificate(context_);
  STACK_OF(X509)* chain = nullptr;
  SSL_CTX_get0_chain_certs(context_, &chain);
  CertificatePtr issuer = find_issuer(context_, shown, chain);
  if (!issuer) return;
  staples_.push_back(std::make_unique<Staple>(
      Staple{*this, shown, chain, std::move(issuer), responder, certificate.name}));
}

bool OcspStapling::add_file(const Pem& file, std::string& error) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(file.text.data());
  OCSP_RESPONSE* parsed = d2i_OCSP_RESPONSE(nullptr, &bytes, long(file.text.size()));
  if (!parsed) {
    error = "d2i_OCSP_RESPONSE_bio(\"" + std::string(file.name) + "\") failed" + take_errors();
    return false;
  }
  OCSP_RESPONSE_free(parsed);
  file_ = file.text;
  return true;
}

int OcspStapling::on_status_request(SSL* ssl, void* context) {
  auto& stapling = *static_cast<OcspStapling*>(context);
  std::string_view response = stapling.file_;
  if (response.empty()) {
    X509* shown = SSL_get_certificate(ssl);
    auto found = std::ranges::find_if(
        stapling.staples_, [&](const auto& staple) { return staple->certificate == shown; });
    if (found == stapling.staples_.end()) return SSL_TLSEXT_ERR_NOACK;
    Staple& staple = **found;
    if (staple.valid_until >= Clock::of_thread().seconds()) response = staple.response;
    stapling.refresh(staple);
  }
  if (response.empty()) return SSL_TLSEXT_ERR_NOACK;
  void* copy = OPENSSL_memdup(response.data(), response.size());
  SSL_set_tlsext_status_ocsp_resp(ssl, copy, long(response.size()));
  return SSL_TLSEXT_ERR_OK;
}

void OcspStapling::refresh(Staple& staple) {
  int64_t now = Clock::of_thread().seconds();
  if (!fetcher_ || staple.fetching || staple.refresh_at >= now) return;
  std::string request = OcspSubject{staple.certificate, staple.issuer.get()}.request();
  staple.fetching = true;
  fetcher_->fetch(staple.responder, staple.name, request, on_response, &staple);
}

void OcspStapling::on_response(void* context, bool ok, std::string_view response) {
  Staple& staple = *static_cast<Staple*>(context);
  OcspStapling& stapling = staple.stapling;
  int64_t now = Clock::of_thread().seconds();
  staple.fetching = false;
  staple.refresh_at = now + soonest;
  if (!ok) return;
  std::string error;
  std::optional<OcspStatus> said =
      read_ocsp_response(response, {staple.certificate, staple.issuer.get()}, staple.chain,
                         SSL_CTX_get_cert_store(stapling.context_),
                         stapling.verify_ ? OCSP_TRUSTOTHER : OCSP_NOVERIFY, error);
  if (said && said->status != V_OCSP_CERTSTATUS_GOOD) {
    error = std::string("certificate status \"") + OCSP_cert_status_str(said->status) +
            "\" in the OCSP response";
  }
  if (!error.empty()) {
    stapling.fetcher_->report(error, staple.name);
    return;
  }
  staple.response = response;
  staple.valid_until = said->valid_until;
  staple.refresh_at = std::max(std::min(said->valid_until - ahead, now + latest), now + soonest);
}

}  // namespace sluice::tls
