#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "http/downstream.h"
#include "proxy/plan.h"
#include "proxy/template.h"
#include "tls/certificate_cache.h"

namespace sluice {

class DataThread;
class Exchange;
class Runtime;

/// ssl_certificate and ssl_certificate_key with variables in them: chosen at each handshake, by
/// what the client has said so far; or proxy_ssl_certificate, by the request.
class VariableCertificates {
 public:
  /// Null: the module's configuration has none such.
  static std::unique_ptr<VariableCertificates> read(const plan::Node& conf);

  /// Gives them to the connection of a server. False, and a line in its log, when one can't be had.
  bool add(DataThread& thread, SSL* ssl, const Server& server,
           const http::ConnectionFacts& connection) const;
  /// The same for a connection to an upstream.
  bool add(Exchange& exchange, SSL* ssl) const;
  /// What the request's variables make of the names.
  void append_names(Exchange& exchange, std::string& text) const;

 private:
  explicit VariableCertificates(tls::CertificateCache cache) : cache_(std::move(cache)) {}
  bool add_pair(SSL* ssl, std::string_view certificate, std::string_view key, bool afresh,
                std::string& error) const;

  std::vector<std::pair<Template, Template>> pairs_;
  std::vector<std::string> passwords_;
  mutable tls::CertificateCache cache_;
};

}  // namespace sluice
