#include "proxy/virtual_server_handshake.h"

#include "http/host.h"
#include "modules/http_ssl.h"
#include "modules/ssl_variables.h"

namespace sluice {

VirtualServerHandshake::VirtualServerHandshake(DataThread& thread, const ListenAddress& listen,
                                               const http::ConnectionFacts& facts)
    : thread_(thread), listen_(listen), server_(&listen.servers.fallback()), facts_(facts) {
  facts_.listen = &listen;
}

VirtualServerHandshake::~VirtualServerHandshake() = default;

const tls::Context* VirtualServerHandshake::choose(std::string_view server_name) {
  server_name_.clear();
  server_ = &listen_.servers.fallback();
  Arena arena;
  if (std::optional<http::Host> host = http::parse_host(server_name, arena)) {
    if (const Server* found = listen_.servers.match(host->name, nullptr)) {
      server_ = found;
      server_name_ = host->name;
    }
  }
  if (server_->block->conf<SslConf>().reject_handshake) return nullptr;
  return shown_conf().context.get();
}

// A server without certificates of its own shows the default server's.
const SslConf& VirtualServerHandshake::shown_conf() const {
  const SslConf& own = server_->block->conf<SslConf>();
  return own.context ? own : listen_.servers.fallback().block->conf<SslConf>();
}

bool VirtualServerHandshake::add_certificates(SSL* ssl) {
  const SslConf& shown = shown_conf();
  return !shown.variable_certificates ||
         shown.variable_certificates->add(thread_, ssl, *server_, facts_);
}

void VirtualServerHandshake::note_tls(SSL* ssl) {
  complete(ssl);
  agreement_ = std::make_shared<tls::Agreement>(ssl, asks_for_offers(thread_.runtime()));
  facts_.tls = std::make_shared<http::TlsFacts>(
      http::TlsFacts{.agreement = agreement_, .server = server_, .server_name = server_name_});
}

bool VirtualServerHandshake::check_client(SSL* ssl) {
  if (const tls::ClientOcsp* ocsp = shown_conf().context->client_ocsp()) {
    client_check_ = ocsp->start(
        ssl,
        [](void* context) {
          auto* self = static_cast<VirtualServerHandshake*>(context);
          self->agreement_->client_fault = self->client_check_->fault();
          self->on_client_checked();
        },
        this);
  }
  agreement_->complete(ssl);
  return client_check_ != nullptr;
}

}  // namespace sluice
