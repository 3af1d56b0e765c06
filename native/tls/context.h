#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tls/openssl.h"
#include "tls/settings.h"

namespace sluice::tls {

class ClientOcsp;
class OcspCache;
class OcspFetcher;
class OcspStapling;
class SessionCache;
class SessionStore;
class SessionZone;
class TicketKeyRing;
class TicketKeys;

/// A server's side of TLS, ready for handshakes: nothing is parsed or copied for one.
class Context {
 public:
  /// What contexts share; null: nothing of the kind.
  struct Shared {
    SessionZone* session_zone = nullptr;
    SessionStore* session_store = nullptr;
    const TicketKeyRing* ticket_keys = nullptr;
    OcspFetcher* ocsp_fetcher = nullptr;
    OcspCache* ocsp_cache = nullptr;
  };
  /// Null with `error`, in nginx's words, when the settings don't do.
  static std::unique_ptr<Context> make(const Settings& settings, const Shared& shared,
                                       std::string& error);
  ~Context();

  SSL_CTX* get() const { return context_.get(); }
  Settings::Verify verify() const { return verify_; }
  size_t buffer_size() const { return buffer_size_; }
  bool early_data() const { return early_data_; }
  /// Whether a connection's records may be ours once OpenSSL has shaken hands.
  bool allows_own_records() const { return allows_own_records_; }
  /// A connection that begins with this context; another may follow when the client has said a
  /// name.
  SslPtr connection() const;
  /// What connection() was called on: sessions and tickets are its.
  static const Context& of(const SSL* ssl);
  TicketKeys* ticket_keys() const { return ticket_keys_.get(); }
  SessionCache* session_cache() const { return session_cache_.get(); }
  /// Null: clients' certificates are not asked about.
  const ClientOcsp* client_ocsp() const { return client_ocsp_.get(); }

 private:
  Context() = default;
  friend class ContextBuilder;

  ContextPtr context_;
  std::unique_ptr<TicketKeys> ticket_keys_;
  std::unique_ptr<SessionCache> session_cache_;
  std::unique_ptr<OcspStapling> stapling_;
  std::unique_ptr<ClientOcsp> client_ocsp_;
  Settings::Verify verify_ = Settings::Verify::off;
  size_t buffer_size_ = 0;
  bool early_data_ = false;
  bool allows_own_records_ = true;
};

// --- Steps that client and server contexts share. False: `error` says what failed. ---

bool set_protocols(SSL_CTX* context, const std::vector<std::string_view>& names);
bool set_ciphers(SSL_CTX* context, const std::string& ciphers, std::string& error);
/// One certificate with its chain, and its key.
bool add_identity(SSL_CTX* context, const Settings::Identity& identity,
                  std::span<const std::string_view> passwords, std::string& error);
bool add_trusted(SSL_CTX* context, const Pem& authorities, std::string& error);
bool add_crl(SSL_CTX* context, const Pem& crl, std::string& error);
bool run_commands(SSL_CTX* context, std::span<const Settings::Command> commands,
                  std::string& error);
/// Options and modes that every context has: no compression, no renegotiation, no idle buffers.
void set_defaults(SSL_CTX* context);

}  // namespace sluice::tls
