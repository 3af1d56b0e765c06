#include "proxy/error_logs.h"

#include "net/address.h"
#include "proxy/data_thread.h"

namespace sluice {

namespace {

LogLevel level_named(std::string_view name) {
  constexpr std::string_view names[] = {"emerg", "alert",  "crit", "error",
                                        "warn",  "notice", "info", "debug"};
  for (size_t i = 0; i < std::size(names); ++i) {
    if (names[i] == name) return LogLevel(i + 1);
  }
  return LogLevel::error;
}

}  // namespace

std::unique_ptr<ErrorLog> read_error_log(DataThread& thread, const plan::Node& sinks) {
  auto log = std::make_unique<ErrorLog>();
  for (const plan::Node& sink : sinks.items()) {
    LogLevel level = level_named(sink["level"].text());
    if (const plan::Node& syslog = sink["syslog"]) {
      if (std::shared_ptr<Syslog> server = open_syslog(syslog)) {
        log->add_syslog(std::move(server), level);
      }
    } else {
      log->add_file(thread.descriptor(sink["fd"].integer(-1)), level);
    }
  }
  return log;
}

std::shared_ptr<Syslog> open_syslog(const plan::Node& node) {
  std::optional<net::Address> server = net::Address::parse(node["server"].text(), 514);
  if (!server) return nullptr;
  return std::make_shared<Syslog>(server->data(), server->size(),
                                  Syslog::Options{
                                      .facility = int(node["facility"].integer(23)),
                                      .tag = std::string(node["tag"].text("nginx")),
                                      .host = std::string(node["hostname"].text()),
                                  });
}

}  // namespace sluice
