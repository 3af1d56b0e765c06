#pragma once

#include "tls/settings.h"

namespace sluice::tls {

/// Says how a server's sessions are kept and found again: `ssl_session_cache`,
/// `ssl_session_tickets`, `ssl_session_timeout`. Each worker has a store of its own, OpenSSL's,
/// also where a shared zone is asked for (Settings::session_zone): what is kept there, and further
/// away, hooks in here by SSL_CTX_sess_set_new_cb(), _get_cb() and _remove_cb(); a look-up that
/// takes time pauses the handshake in ServerHandshake::on_client_hello(), and
/// TlsStream::resume_handshake() goes on with it.
void install_session_cache(SSL_CTX* context, const Settings& settings);

}  // namespace sluice::tls
