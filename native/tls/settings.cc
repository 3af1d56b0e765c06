#include "tls/settings.h"

namespace sluice::tls {

namespace {

template <typename Kind>
Kind one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  uint8_t position = 0;
  for (std::string_view known : words) {
    if (word == known) return Kind(position);
    position++;
  }
  return Kind{};
}

std::vector<std::string_view> texts(const plan::Node& node) {
  std::vector<std::string_view> result;
  for (const plan::Node& item : node.items()) result.push_back(item.text());
  return result;
}

OcspResponder read_responder(const plan::Node& node, std::string_view resolver) {
  return {node["url"].text(), node["addresses"].text(), resolver};
}

Settings::Stapling read_stapling(const plan::Node& node) {
  Settings::Stapling stapling{.on = bool(node),
                              .verify = node["verify"].boolean(),
                              .file = Pem::read(node["file"]),
                              .responders = {}};
  for (const plan::Node& item : node["responders"].items()) {
    stapling.responders.push_back(read_responder(item, node["resolver"].text()));
  }
  return stapling;
}

Settings::ClientOcsp read_client_ocsp(const plan::Node& node) {
  return {.on = bool(node),
          .leaf_only = node["leaf"].boolean(),
          .responder = read_responder(node["responder"], node["resolver"].text()),
          .zone = node["zone"].integer(-1)};
}

}  // namespace

Settings::Verify Settings::read_verify(std::string_view word) {
  return one_of<Verify>(word, {"off", "on", "optional", "optional_no_ca"});
}

Settings Settings::read(const plan::Node& node) {
  Settings settings;
  for (const plan::Node& item : node["identities"].items()) {
    settings.identities.push_back({Pem::read(item["certificate"]), Pem::read(item["key"])});
  }
  settings.passwords = texts(node["passwords"]);
  settings.protocols = texts(node["protocols"]);
  settings.ciphers = node["ciphers"].text();
  settings.curves = node["ecdhCurve"].text();
  settings.prefer_server_ciphers = node["preferServerCiphers"].boolean();
  settings.dhparam = Pem::read(node["dhparam"]);
  settings.client_certificates = Pem::read(node["clientCertificate"]);
  settings.trusted_certificates = Pem::read(node["trustedCertificate"]);
  settings.crl = Pem::read(node["crl"]);
  settings.verify = read_verify(node["verify"].text());
  settings.verify_depth = int(node["verifyDepth"].integer(1));
  settings.buffer_size = size_t(node["bufferSize"].integer(16 * 1024));
  settings.early_data = node["earlyData"].boolean();
  settings.session_cache =
      one_of<SessionCache>(node["sessionCache"].text("none"), {"off", "none", "builtin", "shared"});
  settings.session_cache_size = long(node["sessionCacheSize"].integer());
  settings.session_zone = node["sessionZone"].integer(-1);
  settings.session_store = node["sessionStore"].integer(-1);
  settings.cluster_ticket_keys = node["clusterTicketKeys"].boolean();
  settings.session_timeout = long(node["sessionTimeout"].integer(300));
  settings.session_tickets = node["sessionTickets"].boolean(true);
  settings.ticket_keys = texts(node["ticketKeys"]);
  settings.ticket_seed = node["ticketSeed"].text();
  settings.certificate_names = texts(node["certificateNames"]);
  settings.fingerprint = node["fingerprint"].text();
  for (const plan::Node& command : node["commands"].items()) {
    settings.commands.push_back({std::string(command.at(0).text()),
                                 std::string(command.at(1).text()), command.at(2).text()});
  }
  settings.certificate_compression = node["certificateCompression"].boolean();
  settings.stapling = read_stapling(node["stapling"]);
  settings.client_ocsp = read_client_ocsp(node["ocsp"]);
  return settings;
}

}  // namespace sluice::tls
