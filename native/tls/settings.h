#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/plan.h"
#include "tls/ocsp.h"
#include "tls/pem.h"

namespace sluice::tls {

/// What a context is made of: a server's `ssl_*` directives, or what `proxy_ssl_*` says of an
/// upstream. Texts are the Plan's own. Certificates whose names have variables are not here.
struct Settings {
  struct Identity {
    Pem certificate;
    Pem key;
  };
  struct Command {
    std::string name;
    std::string value;
    std::string_view text;  ///< of the file that `value` names, where the master has read it
  };
  /// ssl_stapling
  struct Stapling {
    bool on = false;
    bool verify = false;
    Pem file;                               ///< ssl_stapling_file, in DER
    std::vector<OcspResponder> responders;  ///< one for each identity; without URL: not stapled
  };
  /// ssl_ocsp
  struct ClientOcsp {
    bool on = false;
    bool leaf_only = false;
    OcspResponder responder;
    int64_t zone = -1;  ///< ssl_ocsp_cache: position in the Plan's `fds`
  };
  enum class Verify : uint8_t { off, on, optional, optional_no_ca };
  enum class SessionCache : uint8_t { off, none, builtin, shared };

  std::vector<Identity> identities;
  std::vector<std::string_view> passwords;
  std::vector<std::string_view> protocols;  ///< `tlsv1.2` …
  std::string ciphers;
  std::string curves;
  bool prefer_server_ciphers = false;
  Pem dhparam;
  Pem client_certificates;   ///< authorities whose names clients are told
  Pem trusted_certificates;  ///< others that may sign
  Pem crl;
  Verify verify = Verify::off;
  int verify_depth = 1;
  size_t buffer_size = 16 * 1024;
  bool early_data = false;
  SessionCache session_cache = SessionCache::none;
  long session_cache_size = 0;       ///< sessions; 0: OpenSSL's default
  int64_t session_zone = -1;         ///< of a shared cache: position in the Plan's `fds`
  int64_t session_store = -1;        ///< ssl_session_store: position among the Plan's; -1: none
  bool cluster_ticket_keys = false;  ///< ssl_session_ticket_keys cluster: those of the store
  long session_timeout = 300;        ///< seconds
  bool session_tickets = true;
  /// ssl_session_ticket_key, 48 or 80 bytes each: the first encrypts.
  std::vector<std::string_view> ticket_keys;
  /// 80 random bytes of the configuration: tickets are good in every worker.
  std::string_view ticket_seed;
  /// Names of certificates with variables: sessions are bound to them.
  std::vector<std::string_view> certificate_names;
  std::vector<Command> commands;  ///< ssl_conf_command
  bool certificate_compression = false;
  Stapling stapling;
  ClientOcsp client_ocsp;
  /// Of a client's settings: differs when they do.
  std::string_view fingerprint;

  static Settings read(const plan::Node& node);
  static Verify read_verify(std::string_view word);
};

}  // namespace sluice::tls
