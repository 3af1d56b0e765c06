#pragma once

#include <memory>

#include "tls/ocsp.h"
#include "tls/ocsp_cache.h"
#include "tls/settings.h"

namespace sluice::tls {

/// Asks whether clients' certificates have been revoked: `ssl_ocsp` of a server.
class ClientOcsp {
 public:
  /// Null where it is off, or nothing can be fetched. `cache` may be null.
  static std::unique_ptr<ClientOcsp> make(const Settings::ClientOcsp& settings,
                                          OcspFetcher* fetcher, OcspCache* cache);

  /// The questions about one connection's client: its certificate, and with `ssl_ocsp on` those
  /// that signed it, one after the other.
  class Check {
   public:
    using OnDone = void (*)(void* context);
    ~Check();
    /// As fault_of() the connection, once it is done.
    const char* fault() const { return fault_of(ssl_); }

   private:
    friend class ClientOcsp;
    Check(const ClientOcsp& ocsp, SSL* ssl, ChainPtr chain)
        : ocsp_(ocsp), ssl_(ssl), chain_(std::move(chain)) {}
    bool go_on();
    OcspSubject subject() const;
    static void on_response(void* check, bool ok, std::string_view response);

    const ClientOcsp& ocsp_;
    SSL* ssl_;
    ChainPtr chain_;
    OnDone on_done_ = nullptr;
    void* context_ = nullptr;
    uint32_t fetching_ = 0;
    int position_ = 0;
  };

  /// After the handshake, and before anything is done for the client. Null when nothing has to be
  /// asked; the outcome is fault_of() then, and after `on_done`, which never comes within the call.
  /// The check may be dropped at any time, within `on_done` too.
  std::unique_ptr<Check> start(SSL* ssl, Check::OnDone on_done, void* context) const;

  /// Why a connection's client is not to be served: `certificate revoked`. Null where nothing
  /// speaks against it.
  static const char* fault_of(const SSL* ssl);

 private:
  ClientOcsp(const Settings::ClientOcsp& settings, OcspFetcher* fetcher, OcspCache* cache)
      : settings_(settings), fetcher_(fetcher), cache_(cache) {}

  Settings::ClientOcsp settings_;
  OcspFetcher* fetcher_;
  OcspCache* cache_;
};

}  // namespace sluice::tls
