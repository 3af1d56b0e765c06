#include "tls/context.h"

#include <openssl/pem.h>
#include <strings.h>

#include <algorithm>

#include "tls/client_ocsp.h"
#include "tls/ocsp_stapling.h"
#include "tls/provider.h"
#include "tls/server_handshake.h"
#include "tls/session_cache.h"
#include "tls/ticket_keys.h"

namespace sluice::tls {

namespace {

std::string quoted(std::string_view call, std::string_view name) {
  return std::string(call) + "(\"" + std::string(name) + "\") failed" + take_errors();
}

bool cannot_load(std::string_view what, const Pem& pem, std::string& error) {
  error = "cannot load " + std::string(what) + " \"" + std::string(pem.name) + "\": " + error +
          take_errors();
  return false;
}

/// Every certificate is let through: what is wrong with it shows in the request (495), not in the
/// handshake.
int let_through(int, X509_STORE_CTX*) { return 1; }

bool use_dh(SSL_CTX* context, const Pem& pem) {
  BioPtr bio = reading(pem.text);
  KeyPtr parameters(PEM_read_bio_Parameters(bio.get(), nullptr));
  if (!parameters || !SSL_CTX_set0_tmp_dh_pkey(context, parameters.get())) return false;
  (void)parameters.release();
  return true;
}

int own_index() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

}  // namespace

void set_defaults(SSL_CTX* context) {
  SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                   SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_ANTI_REPLAY |
                                   SSL_OP_NO_TX_CERTIFICATE_COMPRESSION |
                                   SSL_OP_NO_RX_CERTIFICATE_COMPRESSION);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
}

bool set_protocols(SSL_CTX* context, const std::vector<std::string_view>& names) {
  constexpr std::pair<std::string_view, uint64_t> versions[] = {
      {"sslv3", SSL_OP_NO_SSLv3},     {"tlsv1", SSL_OP_NO_TLSv1},
      {"tlsv1.1", SSL_OP_NO_TLSv1_1}, {"tlsv1.2", SSL_OP_NO_TLSv1_2},
      {"tlsv1.3", SSL_OP_NO_TLSv1_3},
  };
  for (const auto& [name, option] : versions) {
    bool wanted = std::ranges::find(names, name) != names.end();
    wanted ? SSL_CTX_clear_options(context, option) : SSL_CTX_set_options(context, option);
  }
  return SSL_CTX_set_min_proto_version(context, 0) &&
         SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION);
}

bool set_ciphers(SSL_CTX* context, const std::string& ciphers, std::string& error) {
  if (SSL_CTX_set_cipher_list(context, ciphers.c_str())) return true;
  error = quoted("SSL_CTX_set_cipher_list", ciphers);
  return false;
}

bool add_identity(SSL_CTX* context, const Settings::Identity& identity,
                  std::span<const std::string_view> passwords, std::string& error) {
  ChainPtr chain = load_chain(identity.certificate, error);
  if (!chain) return cannot_load("certificate", identity.certificate, error);
  CertificatePtr certificate(sk_X509_shift(chain.get()));
  if (!SSL_CTX_use_certificate(context, certificate.get())) {
    error = quoted("SSL_CTX_use_certificate", identity.certificate.name);
    return false;
  }
  if (!SSL_CTX_set0_chain(context, chain.get())) {
    error = quoted("SSL_CTX_set0_chain", identity.certificate.name);
    return false;
  }
  (void)chain.release();
  KeyPtr key = load_key(identity.key, passwords, error);
  if (!key) return cannot_load("certificate key", identity.key, error);
  if (SSL_CTX_use_PrivateKey(context, key.get())) return true;
  error = quoted("SSL_CTX_use_PrivateKey", identity.key.name);
  return false;
}

bool add_trusted(SSL_CTX* context, const Pem& authorities, std::string& error) {
  if (!authorities) return true;
  ChainPtr chain = load_chain(authorities, error);
  if (!chain) return cannot_load("certificate", authorities, error);
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  for (int i = 0; i < sk_X509_num(chain.get()); ++i) {
    if (X509_STORE_add_cert(store, sk_X509_value(chain.get(), i))) continue;
    error = quoted("X509_STORE_add_cert", authorities.name);
    return false;
  }
  return true;
}

bool add_crl(SSL_CTX* context, const Pem& crl, std::string& error) {
  if (!crl) return true;
  CrlsPtr list = load_crls(crl, error);
  if (!list) return cannot_load("CRL", crl, error);
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  for (int i = 0; i < sk_X509_CRL_num(list.get()); ++i) {
    if (X509_STORE_add_crl(store, sk_X509_CRL_value(list.get(), i))) continue;
    error = quoted("X509_STORE_add_crl", crl.name);
    return false;
  }
  X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
  return true;
}

namespace {

/// Commands that name a file which only the master may read.
bool run_with_text(SSL_CTX* context, const Settings::Command& command) {
  Pem pem{command.value, command.text};
  std::string error;
  if (::strcasecmp(command.name.c_str(), "PrivateKey") == 0) {
    KeyPtr key = load_key(pem, {}, error);
    return key && SSL_CTX_use_PrivateKey(context, key.get());
  }
  if (::strcasecmp(command.name.c_str(), "DHParameters") == 0) return use_dh(context, pem);
  ChainPtr chain = load_chain(pem, error);
  if (!chain) return false;
  CertificatePtr certificate(sk_X509_shift(chain.get()));
  return SSL_CTX_use_certificate(context, certificate.get()) &&
         SSL_CTX_set1_chain(context, chain.get());
}

}  // namespace

bool run_commands(SSL_CTX* context, std::span<const Settings::Command> commands,
                  std::string& error) {
  if (commands.empty()) return true;
  std::unique_ptr<SSL_CONF_CTX, Releaser<SSL_CONF_CTX_free>> conf(SSL_CONF_CTX_new());
  SSL_CONF_CTX_set_flags(conf.get(), SSL_CONF_FLAG_FILE | SSL_CONF_FLAG_SERVER |
                                         SSL_CONF_FLAG_CLIENT | SSL_CONF_FLAG_CERTIFICATE |
                                         SSL_CONF_FLAG_SHOW_ERRORS);
  SSL_CONF_CTX_set_ssl_ctx(conf.get(), context);
  for (const Settings::Command& command : commands) {
    bool done = command.text.empty()
                    ? SSL_CONF_cmd(conf.get(), command.name.c_str(), command.value.c_str()) > 0
                    : run_with_text(context, command);
    if (done) continue;
    error =
        "SSL_CONF_cmd(\"" + command.name + "\", \"" + command.value + "\") failed" + take_errors();
    return false;
  }
  if (SSL_CONF_CTX_finish(conf.get()) == 1) return true;
  error = "SSL_CONF_finish() failed" + take_errors();
  return false;
}

/// Builds a server's context, step by step as nginx does: the first thing that doesn't do is the
/// one that is reported.
class ContextBuilder {
 public:
  ContextBuilder(Context& made, const Settings& settings, const Context::Shared& shared,
                 std::string& error)
      : made_(made), context_(made.get()), settings_(settings), shared_(shared), error_(error) {}

  bool build() {
    set_defaults(context_);
    ServerHandshake::install(context_);
    set_protocols(context_, settings_.protocols);
    return choose_ciphers() && add_identities() && compress_certificates() && set_verification() &&
           add_trusted(context_, settings_.trusted_certificates, error_) &&
           add_crl(context_, settings_.crl, error_) && ask_about_clients() && set_dhparam() &&
           set_curves() && set_sessions() && staple() && set_early_data() && choose_records() &&
           run_commands(context_, settings_.commands, error_);
  }

 private:
  bool failed(std::string_view call, std::string_view name) {
    error_ = quoted(call, name);
    return false;
  }

  bool choose_ciphers() {
    if (!set_ciphers(context_, settings_.ciphers, error_)) return false;
    if (settings_.prefer_server_ciphers) {
      SSL_CTX_set_options(context_, SSL_OP_CIPHER_SERVER_PREFERENCE);
    }
    return true;
  }

  bool add_identities() {
    for (const Settings::Identity& identity : settings_.identities) {
      if (!add_identity(context_, identity, settings_.passwords, error_)) return false;
    }
    return true;
  }

  // By all algorithms that the library has; clients say which they know (RFC 8879).
  bool compress_certificates() {
    if (!settings_.certificate_compression || settings_.identities.empty()) return true;
    if (SSL_CTX_compress_certs(context_, 0)) {
      SSL_CTX_clear_options(context_, SSL_OP_NO_TX_CERTIFICATE_COMPRESSION);
    }
    ERR_clear_error();
    return true;
  }

  bool set_verification() {
    bool asks = settings_.verify != Settings::Verify::off;
    SSL_CTX_set_verify(context_, asks ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, let_through);
    SSL_CTX_set_verify_depth(context_, settings_.verify_depth);
    if (!asks || !settings_.client_certificates) return true;
    if (!add_trusted(context_, settings_.client_certificates, error_)) return false;
    ChainPtr authorities = load_chain(settings_.client_certificates, error_);
    for (int i = 0; authorities && i < sk_X509_num(authorities.get()); ++i) {
      X509* authority = sk_X509_value(authorities.get(), i);
      if (!names_client_ca(X509_get_subject_name(authority))) {
        SSL_CTX_add_client_CA(context_, authority);
      }
    }
    return true;
  }

  bool names_client_ca(const X509_NAME* name) {
    const STACK_OF(X509_NAME)* told = SSL_CTX_get_client_CA_list(context_);
    for (int i = 0; i < sk_X509_NAME_num(told); ++i) {
      if (X509_NAME_cmp(sk_X509_NAME_value(told, i), name) == 0) return true;
    }
    return false;
  }

  bool set_dhparam() {
    if (!settings_.dhparam || use_dh(context_, settings_.dhparam)) return true;
    return failed("PEM_read_bio_Parameters", settings_.dhparam.name);
  }

  bool set_curves() {
    // OpenSSL's own list begins with X25519MLKEM768.
    if (settings_.curves == "auto") return true;
    if (SSL_CTX_set1_groups_list(context_, settings_.curves.c_str())) return true;
    return failed("SSL_CTX_set1_curves_list", settings_.curves);
  }

  bool set_sessions() {
    SessionZone* zone = shared_.session_zone;
    made_.session_cache_ = SessionCache::install(context_, settings_, zone, shared_.session_store);
    made_.ticket_keys_ = TicketKeys::install(context_, settings_, zone, shared_.ticket_keys);
    return true;
  }

  bool ask_about_clients() {
    made_.client_ocsp_ =
        ClientOcsp::make(settings_.client_ocsp, shared_.ocsp_fetcher, shared_.ocsp_cache);
    return true;
  }

  bool staple() {
    if (!settings_.stapling.on) return true;
    made_.stapling_ = OcspStapling::install(context_, settings_, shared_.ocsp_fetcher, error_);
    return made_.stapling_ != nullptr;
  }

  bool set_early_data() {
    constexpr uint32_t most = 16 * 1024;
    SSL_CTX_set_max_early_data(context_, settings_.early_data ? most : 0);
    return true;
  }

  // OpenSSL alone pads records as it was told to.
  bool choose_records() {
    made_.allows_own_records_ =
        std::ranges::none_of(settings_.commands, [](const Settings::Command& command) {
          return ::strcasecmp(command.name.c_str(), "RecordPadding") == 0;
        });
    return true;
  }

  Context& made_;
  SSL_CTX* context_;
  const Settings& settings_;
  const Context::Shared& shared_;
  std::string& error_;
};

std::unique_ptr<Context> Context::make(const Settings& settings, const Shared& shared,
                                       std::string& error) {
  std::unique_ptr<Context> made(new Context);
  ERR_clear_error();
  made->context_.reset(SSL_CTX_new_ex(nullptr, provider_query(), TLS_server_method()));
  made->verify_ = settings.verify;
  made->buffer_size_ = settings.buffer_size;
  made->early_data_ = settings.early_data;
  if (!ContextBuilder(*made, settings, shared, error).build()) return nullptr;
  return made;
}

Context::~Context() = default;

SslPtr Context::connection() const {
  SslPtr ssl(SSL_new(get()));
  SSL_set_accept_state(ssl.get());
  SSL_set_ex_data(ssl.get(), own_index(), const_cast<Context*>(this));
  return ssl;
}

const Context& Context::of(const SSL* ssl) {
  return *static_cast<const Context*>(SSL_get_ex_data(ssl, own_index()));
}

}  // namespace sluice::tls
