#include "addon/exports.h"
#include "tls/client_context.h"
#include "tls/context.h"

/// What workers will make of TLS settings is made once before, when the configuration is read: its
/// errors are the same.
namespace sluice::addon {

namespace {

bool makes_context(const plan::Node& settings, std::string& error) {
  tls::Settings read = tls::Settings::read(settings);
  if (settings["client"].boolean()) return tls::ClientContext::make(read, error) != nullptr;
  return tls::Context::make(read, {}, error) != nullptr;
}

/// checkTls(settings): what is wrong with them, or null.
Napi::Value check_tls(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  auto bytes = info[0].As<Napi::Uint8Array>();
  std::string error;
  auto document = plan::Document::decode(
      {reinterpret_cast<const char*>(bytes.Data()), bytes.ByteLength()}, error);
  if (document && makes_context(document->root(), error)) return env.Null();
  return Napi::String::New(env, error);
}

}  // namespace

void export_tls(Napi::Env env, Napi::Object exports) {
  add(env, exports, {{"checkTls", check_tls}});
}

}  // namespace sluice::addon
