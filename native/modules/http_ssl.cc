#include "modules/http_ssl.h"

#include <algorithm>
#include <map>

#include "modules/ssl_variables.h"
#include "proxy/data_thread.h"
#include "proxy/exchange.h"
#include "proxy/ocsp_questions.h"
#include "proxy/runtime.h"
#include "proxy/shared_session_store.h"
#include "tls/agreement.h"
#include "tls/client_ocsp.h"
#include "tls/session_zone.h"

namespace sluice {

namespace {

using Verify = tls::Settings::Verify;

/// What servers share.
struct SslMain {
  static constexpr ModuleId id = ModuleId::http_ssl;

  tls::SessionZone* session_zone(Runtime& runtime, const tls::Settings& settings) {
    if (settings.session_cache != tls::Settings::SessionCache::shared) return nullptr;
    auto [found, fresh] = session_zones.try_emplace(settings.session_zone);
    if (fresh) {
      found->second = tls::SessionZone::map(runtime.thread.descriptor(settings.session_zone));
    }
    return found->second.get();
  }

  SharedSessionStore* session_store(int64_t position) {
    size_t number = size_t(position);
    return number < session_stores.size() ? session_stores[number].get() : nullptr;
  }

  tls::OcspCache* ocsp_cache(Runtime& runtime, const tls::Settings& settings) {
    int64_t zone = settings.client_ocsp.zone;
    if (zone < 0) return nullptr;
    auto [found, fresh] = ocsp_caches.try_emplace(zone);
    if (fresh) found->second = tls::OcspCache::map(runtime.thread.descriptor(zone));
    return found->second.get();
  }

  std::unique_ptr<tls::Context> make_context(Runtime& runtime, const plan::Node& node,
                                             std::string& error) {
    tls::Settings settings = tls::Settings::read(node);
    SharedSessionStore* store = session_store(settings.session_store);
    bool from_store = store && settings.cluster_ticket_keys;
    return tls::Context::make(settings,
                              {.session_zone = session_zone(runtime, settings),
                               .session_store = store,
                               .ticket_keys = from_store ? store->ticket_keys() : nullptr,
                               .ocsp_fetcher = &ocsp_questions,
                               .ocsp_cache = ocsp_cache(runtime, settings)},
                              error);
  }

  explicit SslMain(DataThread& thread) : ocsp_questions(thread) {}

  OcspQuestions ocsp_questions;
  std::vector<std::unique_ptr<SharedSessionStore>> session_stores;
  /// By position in the Plan's `fds`.
  std::map<int64_t, std::unique_ptr<tls::SessionZone>> session_zones;
  std::map<int64_t, std::unique_ptr<tls::OcspCache>> ocsp_caches;
  /// By position among the module's configurations.
  std::vector<SslConf*> confs;
  /// What ssl_certificate_watch has replaced: connections that began with it go on with it.
  struct Replacement {
    std::string news;
    std::unique_ptr<plan::Document> document;
    std::unique_ptr<tls::Context> before;
  };
  std::vector<Replacement> replacements;
};

void replace_certificates(void* self, std::string_view news);

SslMain& shared(Runtime& runtime) {
  SslMain*& main = runtime.main<SslMain>();
  if (!main) {
    main = runtime.keep<SslMain>(runtime.thread);
    runtime.thread.on_news("certificates", replace_certificates, &runtime);
  }
  return *main;
}

/// News of the master (src/proxy/cluster/certificate-watch.ts), which has tried them: a position
/// and the settings that are in force there from now on.
void replace_certificates(void* self, std::string_view news) {
  Runtime& runtime = *static_cast<Runtime*>(self);
  SslMain& main = shared(runtime);
  SslMain::Replacement replacement{.news = std::string(news), .document = {}, .before = {}};
  std::string error;
  replacement.document = plan::Document::decode(replacement.news, error);
  size_t position = replacement.document
                        ? size_t(replacement.document->root()["position"].integer(-1))
                        : SIZE_MAX;
  if (position >= main.confs.size()) return;
  SslConf& conf = *main.confs[position];
  std::unique_ptr<tls::Context> made =
      main.make_context(runtime, replacement.document->root()["tls"], error);
  if (!made) {
    runtime.thread.error_log().write(LogLevel::alert, {}, "%s", error.c_str());
    return;
  }
  replacement.before = std::exchange(conf.context, std::move(made));
  main.replacements.push_back(std::move(replacement));
}

void read_main(Runtime& runtime, const plan::Node& node) {
  std::vector<std::unique_ptr<SharedSessionStore>>& stores = shared(runtime).session_stores;
  for (const plan::Node& store : node["sessionStores"].items()) {
    uint8_t number = uint8_t(stores.size());
    stores.push_back(std::make_unique<SharedSessionStore>(runtime.thread, number, store));
  }
}

std::unique_ptr<ModuleConf> read_conf(Runtime& runtime, const plan::Node& node) {
  auto conf = std::make_unique<SslConf>();
  conf->reject_handshake = node["rejectHandshake"].boolean();
  conf->verify = tls::Settings::read_verify(node["verify"].text());
  SslMain& main = shared(runtime);
  main.confs.push_back(conf.get());
  if (!node["tls"]) return conf;
  conf->session_store = main.session_store(node["tls"]["sessionStore"].integer(-1));
  std::string error;
  conf->context = main.make_context(runtime, node["tls"], error);
  if (!conf->context) runtime.fail(error);
  conf->variable_certificates = VariableCertificates::read(node);
  return conf;
}

/// Faults that `optional_no_ca` leaves to others: the authority isn't known.
bool is_about_authority(long fault) {
  switch (fault) {
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_CERT_UNTRUSTED:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      return true;
    default:
      return false;
  }
}

Verdict check_client_certificate(Exchange& exchange, const tls::Agreement& agreed, Verify verify) {
  long fault = agreed.verify_result;
  // A session that ended so must not be resumed.
  if (fault != X509_V_OK && !(verify == Verify::optional_no_ca && is_about_authority(fault))) {
    exchange.log(LogLevel::info, "client SSL certificate verify error: (%ld:%s)", fault,
                 X509_verify_cert_error_string(fault));
    agreed.forget_session();
    return Verdict::status(495);
  }
  if (agreed.client_fault) {
    exchange.log(LogLevel::info, "client SSL certificate verify error: %s", agreed.client_fault);
    agreed.forget_session();
    return Verdict::status(495);
  }
  if (verify == Verify::on && !agreed.client_certificate) {
    exchange.log(LogLevel::info, "client sent no required SSL certificate");
    agreed.forget_session();
    return Verdict::status(496);
  }
  return Verdict::declined();
}

/// Whether the request is for a server that wants certificates, and another one was agreed on.
bool is_misdirected(Exchange& exchange, const http::ConnectionFacts& connection) {
  std::string_view host = exchange.request.host;
  std::string_view agreed = connection.tls->server_name;
  if (agreed.empty() || host.empty() || host == agreed) return false;
  const Server& asked = connection.listen->servers.find(host, nullptr);
  return asked.block->conf<SslConf>().verify != Verify::off;
}

Verdict check_connection(Exchange& exchange) {
  const http::ConnectionFacts& connection = exchange.downstream.connection();
  if (!connection.listen->tls) return Verdict::declined();
  if (!connection.tls) {
    exchange.log(LogLevel::info, "client sent plain HTTP request to HTTPS port");
    return Verdict::status(497);
  }
  if (is_misdirected(exchange, connection)) {
    exchange.log(LogLevel::info,
                 "client attempted to request the server name different from the one that was "
                 "negotiated");
    return Verdict::status(421);
  }
  Verify verify = exchange.conf<SslConf>().verify;
  if (verify == Verify::off) return Verdict::declined();
  return check_client_certificate(exchange, *connection.tls->agreement, verify);
}

constexpr PhaseHandler phases[] = {{Phase::post_read, check_connection}};

bool is_used(const Runtime& runtime) {
  auto secure = [](const ListenAddress& address) { return address.tls; };
  return std::ranges::any_of(runtime.listeners, [secure](const ListenerConf& listener) {
    return std::ranges::any_of(listener.addresses, secure);
  });
}

}  // namespace

const Module http_ssl = {
    .id = ModuleId::http_ssl,
    .name = "http_ssl",
    .read_conf = read_conf,
    .read_main = read_main,
    .variables = ssl_variables,
    .phases = phases,
    .is_used = is_used,
};

}  // namespace sluice
