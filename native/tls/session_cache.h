#pragma once

#include <memory>
#include <string_view>

#include "base/zone_cache.h"
#include "tls/openssl.h"
#include "tls/session_store.h"
#include "tls/settings.h"

namespace sluice::tls {

class SessionZone;

/// Where a context's sessions are kept and found again, beyond what OpenSSL does by itself: in a
/// zone of this host, in a store of all hosts, or both.
class SessionCache {
 public:
  using Bytes = std::span<const unsigned char>;

  /// Does what `ssl_session_cache`, `ssl_session_tickets` and `ssl_session_timeout` say. Null when
  /// OpenSSL needs nobody for it; else the result has to live as long as the context.
  static std::unique_ptr<SessionCache> install(SSL_CTX* context, const Settings& settings,
                                               SessionZone* zone, SessionStore* store);

  /// Null: this host's sessions are all there are.
  SessionStore* store() const { return store_; }
  /// On this host; the caller's.
  SSL_SESSION* find(Bytes id);
  /// Keeps on this host what the store had.
  void adopt(const SSL_SESSION* session, std::string_view bytes);
  /// Notes a digest of what came along with early data; `not_asked` where there is no zone.
  SessionStore::Answer::EarlyData claim_early_data(Bytes digest);

 private:
  SessionCache(SessionZone* zone, SessionStore* store) : zone_(zone), store_(store) {}
  static int on_new(SSL* ssl, SSL_SESSION* session);
  static SSL_SESSION* on_get(SSL* ssl, const unsigned char* id, int size, int* copy);
  static void on_remove(SSL_CTX* context, SSL_SESSION* session);
  void keep(SSL* ssl, const SSL_SESSION* session);

  SessionZone* zone_;
  SessionStore* store_;
};

}  // namespace sluice::tls
