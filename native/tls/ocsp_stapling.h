#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tls/ocsp.h"
#include "tls/settings.h"

namespace sluice::tls {

/// Hands out, with a context's certificates, what a responder says of them (RFC 6066, 8):
/// `ssl_stapling`. A response is fetched when a client first asks for one, and again before it
/// expires; who asks meanwhile goes without, or gets the one before. Lives as long as the thread
/// that it is asked on.
class OcspStapling {
 public:
  /// For the identities that the context has. Null with `error` when the file of
  /// `ssl_stapling_file` is no response. `fetcher` may be null where nobody connects.
  static std::unique_ptr<OcspStapling> install(SSL_CTX* context, const Settings& settings,
                                               OcspFetcher* fetcher, std::string& error);
  ~OcspStapling();

 private:
  struct Staple;
  OcspStapling(SSL_CTX* context, OcspFetcher* fetcher, bool verify);

  void add(const Pem& certificate, const OcspResponder& responder);
  bool add_file(const Pem& file, std::string& error);
  void refresh(Staple& staple);
  static void on_response(void* staple, bool ok, std::string_view response);
  static int on_status_request(SSL* ssl, void* stapling);

  SSL_CTX* context_;
  OcspFetcher* fetcher_;
  bool verify_;
  std::string file_;  ///< ssl_stapling_file: the response for every certificate
  std::vector<std::unique_ptr<Staple>> staples_;
};

}  // namespace sluice::tls
