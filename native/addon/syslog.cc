#include "base/syslog.h"

#include <memory>

#include "addon/exports.h"
#include "base/clock.h"
#include "net/address.h"

/// The control plane's lines to a syslog server.
namespace sluice::addon {

namespace {

/// openSyslog({ server, facility, tag, hostname }): a function (severity, message) that sends; null
/// when `server` is no address.
Napi::Value open_syslog(const Napi::CallbackInfo& info) {
  const auto settings = info[0].As<Napi::Object>();
  const std::optional<net::Address> server =
      net::Address::parse(latin1(settings.Get("server").ToString()), 514);
  if (!server) return info.Env().Null();
  const Napi::Value host = settings.Get("hostname");
  Syslog::Options options{.facility = integer(settings.Get("facility")),
                          .tag = latin1(settings.Get("tag").ToString()),
                          .host = host.IsString() ? latin1(host) : std::string()};
  auto syslog = std::make_shared<Syslog>(server->data(), server->size(), std::move(options));
  return Napi::Function::New(info.Env(), [syslog](const Napi::CallbackInfo& call) {
    // No turn reads the clock on this thread.
    Clock::of_thread().update();
    syslog->send(integer(call[0]), latin1(call[1].ToString()));
  });
}

}  // namespace

void export_syslog(Napi::Env env, Napi::Object exports) {
  add(env, exports, {{"openSyslog", open_syslog}});
}

}  // namespace sluice::addon
