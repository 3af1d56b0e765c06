#include "tls/client_context.h"

#include <strings.h>

#include <algorithm>
#include <cstring>

#include "tls/context.h"
#include "tls/provider.h"

namespace sluice::tls {

namespace {

int on_new_session(SSL* ssl, SSL_SESSION* session) {
  auto* receiver = static_cast<SessionReceiver*>(SSL_get_app_data(ssl));
  if (!receiver) return 0;
  if (const char* group = SSL_get0_group_name(ssl)) {
    SSL_SESSION_set1_ticket_appdata(session, group, std::strlen(group));
  }
  receiver->on_session(SessionPtr(session));
  return 1;
}

/// What is wrong with a certificate is told once the handshake is done, by SSL_get_verify_result().
int let_through(int, X509_STORE_CTX*) { return 1; }

/// Where nobody will ask, no chain has to be built.
int unverified(X509_STORE_CTX*, void*) { return 1; }

}  // namespace

ClientContext::ClientContext(const Settings& settings)
    : context_(SSL_CTX_new_ex(nullptr, provider_query(), TLS_client_method())),
      fingerprint_(settings.fingerprint) {}

std::unique_ptr<ClientContext> ClientContext::make(const Settings& settings, std::string& error) {
  std::unique_ptr<ClientContext> made(new ClientContext(settings));
  ERR_clear_error();
  if (!made->build(settings, error)) return nullptr;
  return made;
}

// In nginx's order: the first thing that doesn't do is the one that is reported.
bool ClientContext::build(const Settings& settings, std::string& error) {
  SSL_CTX* context = context_.get();
  set_defaults(context);
  set_protocols(context, settings.protocols);
  if (!set_ciphers(context, settings.ciphers, error)) return false;
  for (const Settings::Identity& identity : settings.identities) {
    if (!add_identity(context, identity, settings.passwords, error)) return false;
  }
  if (settings.verify == Settings::Verify::off) {
    SSL_CTX_set_cert_verify_callback(context, unverified, nullptr);
  } else {
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, let_through);
    SSL_CTX_set_verify_depth(context, settings.verify_depth);
    if (!add_trusted(context, settings.trusted_certificates, error) ||
        !add_crl(context, settings.crl, error)) {
      return false;
    }
  }
  own_groups_ = std::ranges::any_of(settings.commands, [](const Settings::Command& command) {
    return ::strcasecmp(command.name.c_str(), "Groups") == 0 ||
           ::strcasecmp(command.name.c_str(), "Curves") == 0;
  });
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, on_new_session);
  return run_commands(context, settings.commands, error);
}

void ClientContext::resume(SSL* ssl, SSL_SESSION* session) const {
  SSL_set_session(ssl, session);
  void* group = nullptr;
  size_t size = 0;
  if (own_groups_ || !SSL_SESSION_get0_ticket_appdata(session, &group, &size) || size == 0) return;
  std::string groups(1, '*');
  groups.append(static_cast<const char*>(group), size);
  // OpenSSL's default, without its key shares.
  groups.append(":X25519MLKEM768:X25519:secp256r1:X448:secp384r1:secp521r1");
  if (!SSL_set1_groups_list(ssl, groups.c_str())) ERR_clear_error();
}

SslPtr ClientContext::connection(SessionReceiver* sessions) const {
  SslPtr ssl(SSL_new(context_.get()));
  SSL_set_connect_state(ssl.get());
  SSL_set_app_data(ssl.get(), sessions);
  return ssl;
}

}  // namespace sluice::tls
