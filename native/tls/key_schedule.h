#pragma once

namespace sluice::tls {

/// The property query that contexts are made with (SSL_CTX_new_ex()), so that OpenSSL derives the
/// keys of TLS 1.3 (RFC 8446, 7.1) by what is here and not by its own KDF, which looks up
/// algorithms by name and allocates for each of two dozen keys a handshake. Null: there is only
/// OpenSSL's.
const char* key_schedule_query();

/// Of handshakes of this thread: to be called when one is done.
void forget_recent_secrets();

}  // namespace sluice::tls
