#include "proxy/upstream_tls.h"

#include <openssl/x509v3.h>

#include "net/address.h"
#include "proxy/exchange.h"
#include "proxy/upstream_sessions.h"

namespace sluice {

namespace {

/// A name may come with a port, from $http_host or the like.
std::string_view without_port(std::string_view name) {
  size_t from = name.starts_with('[') ? name.find(']') : 0;
  return name.substr(0, name.find(':', from == name.npos ? 0 : from));
}

/// RFC 6066, 3: addresses are no names.
bool can_be_told(const std::string& name) {
  return !name.empty() && !name.starts_with('[') && !net::Address::parse(name, 0);
}

}  // namespace

std::unique_ptr<UpstreamTlsConf> UpstreamTlsConf::read(Runtime& runtime, const plan::Node& node) {
  if (!node) return nullptr;
  auto conf = std::make_unique<UpstreamTlsConf>();
  size_t position = size_t(node["context"].integer(-1));
  if (position >= runtime.tls_clients.size()) {
    runtime.fail("no TLS context " + std::to_string(position));
    return nullptr;
  }
  conf->context = runtime.tls_clients[position].get();
  conf->name = Template::read(node["name"]);
  conf->tells_name = node["serverName"].boolean();
  conf->verifies = node["verify"].boolean();
  conf->reuses_sessions = node["sessionReuse"].boolean(true);
  conf->certificates = VariableCertificates::read(node);
  return conf;
}

UpstreamTlsConf::Terms UpstreamTlsConf::terms(Exchange& exchange, std::string_view upstream) const {
  Terms terms;
  if (tells_name || verifies) {
    terms.name = without_port(name ? name.evaluate(exchange) : upstream);
  }
  terms.identity = context->fingerprint();
  terms.identity.append(tells_name ? "\n+" : "\n-").append(terms.name).push_back('\n');
  if (certificates) certificates->append_names(exchange, terms.identity);
  return terms;
}

UpstreamTls::UpstreamTls(const UpstreamTlsConf& conf, UpstreamTlsConf::Terms terms,
                         UpstreamSessions* sessions, std::string_view peer)
    : conf_(conf),
      terms_(std::move(terms)),
      sessions_(conf.reuses_sessions ? sessions : nullptr),
      peer_(peer) {}

std::unique_ptr<UpstreamTls> UpstreamTls::begin(const UpstreamTlsConf& conf,
                                                UpstreamTlsConf::Terms terms, Exchange& exchange,
                                                UpstreamSessions* sessions, std::string_view peer,
                                                std::string_view protocols) {
  std::unique_ptr<UpstreamTls> made(new UpstreamTls(conf, std::move(terms), sessions, peer));
  if (!made->prepare(exchange, protocols)) return nullptr;
  return made;
}

bool UpstreamTls::prepare(Exchange& exchange, std::string_view protocols) {
  ssl_ = conf_.context->connection(sessions_ ? this : nullptr);
  if (conf_.tells_name && can_be_told(terms_.name) &&
      !SSL_set_tlsext_host_name(ssl_.get(), terms_.name.c_str())) {
    exchange.log(LogLevel::error, "SSL_set_tlsext_host_name(\"%s\") failed%s", terms_.name.c_str(),
                 tls::take_errors().c_str());
    return false;
  }
  if (conf_.certificates && !conf_.certificates->add(exchange, ssl_.get())) return false;
  if (!protocols.empty()) {
    SSL_set_alpn_protos(ssl_.get(), reinterpret_cast<const unsigned char*>(protocols.data()),
                        unsigned(protocols.size()));
  }
  if (sessions_) {
    if (tls::SessionPtr session = sessions_->find(peer_, terms_.identity)) {
      conf_.context->resume(ssl_.get(), session.get());
    }
  }
  return true;
}

net::StreamPtr UpstreamTls::secure(net::Stack& stack, net::StreamPtr inner) {
  auto stream = std::make_unique<tls::TlsStream>(stack, std::move(inner), std::move(ssl_));
  stream_ = stream.release();
  return net::StreamPtr(stream_);
}

bool UpstreamTls::verify() {
  if (conf_.verifies) {
    SSL* ssl = stream_->ssl();
    long fault = SSL_get_verify_result(ssl);
    if (fault != X509_V_OK) {
      failure_ = "upstream SSL certificate verify error: (" + std::to_string(fault) + ':' +
                 X509_verify_cert_error_string(fault) + ')';
      return false;
    }
    X509* certificate = SSL_get0_peer_certificate(ssl);
    if (!certificate || terms_.name.empty() ||
        X509_check_host(certificate, terms_.name.data(), terms_.name.size(), 0, nullptr) != 1) {
      failure_ = "upstream SSL certificate does not match \"" + terms_.name + '"';
      return false;
    }
  }
  verified_ = true;
  if (early_session_) on_session(std::move(early_session_));
  return true;
}

// What a peer that isn't the right one has granted is of no use.
void UpstreamTls::on_session(tls::SessionPtr session) {
  if (verified_) {
    sessions_->keep(peer_, terms_.identity, std::move(session));
  } else {
    early_session_ = std::move(session);
  }
}

}  // namespace sluice
