#include "tls/client_ocsp.h"

namespace sluice::tls {

namespace {

constexpr const char* request_failed = "certificate status request failed";

const char* fault_of_status(int status) {
  switch (status) {
    case V_OCSP_CERTSTATUS_GOOD:
      return nullptr;
    case V_OCSP_CERTSTATUS_REVOKED:
      return "certificate revoked";
    default:
      return "certificate status unknown";
  }
}

int fault_index() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

void set_fault(SSL* ssl, const char* fault) {
  SSL_set_ex_data(ssl, fault_index(), const_cast<char*>(fault));
}

X509_STORE* store_of(SSL* ssl) { return SSL_CTX_get_cert_store(SSL_get_SSL_CTX(ssl)); }

/// The client's certificate and those up to a trusted one. A resumed session has its own alone.
ChainPtr verified_chain(SSL* ssl, X509* certificate) {
  if (STACK_OF(X509)* chain = SSL_get0_verified_chain(ssl)) {
    return ChainPtr(X509_chain_up_ref(chain));
  }
  std::unique_ptr<X509_STORE_CTX, Releaser<X509_STORE_CTX_free>> verification(X509_STORE_CTX_new());
  if (!X509_STORE_CTX_init(verification.get(), store_of(ssl), certificate,
                           SSL_get_peer_cert_chain(ssl)) ||
      X509_verify_cert(verification.get()) <= 0) {
    ERR_clear_error();
    return nullptr;
  }
  return ChainPtr(X509_STORE_CTX_get1_chain(verification.get()));
}

std::string subject_of(X509* certificate) {
  char name[256];
  X509_NAME_oneline(X509_get_subject_name(certificate), name, sizeof name);
  return name;
}

}  // namespace

std::unique_ptr<ClientOcsp> ClientOcsp::make(const Settings::ClientOcsp& settings,
                                             OcspFetcher* fetcher, OcspCache* cache) {
  if (!settings.on || !fetcher) return nullptr;
  return std::unique_ptr<ClientOcsp>(new ClientOcsp(settings, fetcher, cache));
}

const char* ClientOcsp::fault_of(const SSL* ssl) {
  return static_cast<const char*>(SSL_get_ex_data(ssl, fault_index()));
}

std::unique_ptr<ClientOcsp::Check> ClientOcsp::start(SSL* ssl, Check::OnDone on_done,
                                                     void* context) const {
  X509* certificate = SSL_get0_peer_certificate(ssl);
  if (!certificate || SSL_get_verify_result(ssl) != X509_V_OK) return nullptr;
  ChainPtr chain = verified_chain(ssl, certificate);
  if (!chain) {
    set_fault(ssl, request_failed);
    return nullptr;
  }
  std::unique_ptr<Check> check(new Check(*this, ssl, std::move(chain)));
  if (check->go_on()) return nullptr;
  check->on_done_ = on_done;
  check->context_ = context;
  return check;
}

ClientOcsp::Check::~Check() {
  if (fetching_) ocsp_.fetcher_->forget(fetching_);
}

OcspSubject ClientOcsp::Check::subject() const {
  return {sk_X509_value(chain_.get(), position_), sk_X509_value(chain_.get(), position_ + 1)};
}

// True: the outcome is there. The last one of the chain is trusted and nobody's subject.
bool ClientOcsp::Check::go_on() {
  for (; position_ < sk_X509_num(chain_.get()) - 1; ++position_) {
    if (ocsp_.settings_.leaf_only && position_ > 0) return true;
    if (ocsp_.cache_) {
      if (std::optional<int> known = ocsp_.cache_->find(subject())) {
        if (*known == V_OCSP_CERTSTATUS_GOOD) continue;
        set_fault(ssl_, fault_of_status(*known));
        return true;
      }
    }
    std::string own_url;
    OcspResponder responder = ocsp_.settings_.responder;
    if (responder.url.empty()) {
      own_url = responder_url(subject().certificate);
      responder.url = own_url;
    }
    std::string name = subject_of(subject().certificate);
    if (responder.url.empty()) {
      ocsp_.fetcher_->report("no OCSP responder URL in certificate", name);
      set_fault(ssl_, request_failed);
      return true;
    }
    fetching_ = ocsp_.fetcher_->fetch(responder, name, subject().request(), on_response, this);
    return false;
  }
  return true;
}

void ClientOcsp::Check::on_response(void* self, bool ok, std::string_view response) {
  auto& check = *static_cast<Check*>(self);
  check.fetching_ = 0;
  const char* fault = request_failed;
  if (ok) {
    std::string error;
    std::optional<OcspStatus> said = read_ocsp_response(
        response, check.subject(), check.chain_.get(), store_of(check.ssl_), 0, error);
    if (said) {
      fault = fault_of_status(said->status);
      if (check.ocsp_.cache_) check.ocsp_.cache_->add(check.subject(), *said);
    } else {
      check.ocsp_.fetcher_->report(error, subject_of(check.subject().certificate));
    }
  }
  if (fault) {
    set_fault(check.ssl_, fault);
  } else {
    ++check.position_;
    if (!check.go_on()) return;
  }
  check.on_done_(check.context_);
}

}  // namespace sluice::tls
