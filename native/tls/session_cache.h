#pragma once

#include <memory>

#include "base/zone_cache.h"
#include "tls/openssl.h"
#include "tls/settings.h"

namespace sluice::tls {

class SessionZone;

/// Where a context's sessions are kept and found again, beyond what OpenSSL does by itself.
class SessionCache {
 public:
  /// Does what `ssl_session_cache`, `ssl_session_tickets` and `ssl_session_timeout` say. Null when
  /// OpenSSL needs nobody for it; else the result has to live as long as the context.
  static std::unique_ptr<SessionCache> install(SSL_CTX* context, const Settings& settings,
                                               SessionZone* zone);

 private:
  explicit SessionCache(SessionZone& zone) : zone_(zone) {}
  static int on_new(SSL* ssl, SSL_SESSION* session);
  static SSL_SESSION* on_get(SSL* ssl, const unsigned char* id, int size, int* copy);
  static void on_remove(SSL_CTX* context, SSL_SESSION* session);
  void keep(const SSL_SESSION* session);
  SSL_SESSION* find(ZoneCache::Bytes id);

  SessionZone& zone_;
};

}  // namespace sluice::tls
