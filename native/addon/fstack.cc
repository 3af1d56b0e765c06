#include "addon/fstack.h"

#include <atomic>

#include "addon/exports.h"

namespace sluice::addon {
namespace {

std::unique_ptr<FstackThread> waiting;
/// Of any of the process's environments.
std::atomic<bool> begun = false;

std::string text(const Napi::Value& value) { return value.ToString().Utf8Value(); }

/// startFstack({ library, configuration, process, board, shift, worker, exclusive, addresses,
/// devices, idleSleep })
Napi::Value start_fstack(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  // What a failed ff_init() leaves behind can't be used again either.
  if (begun.exchange(true)) {
    Napi::Error error = Napi::Error::New(env, "F-Stack was started in this process before");
    error.Set("code", Napi::String::New(env, "ERR_FSTACK_STARTED"));
    error.ThrowAsJavaScriptException();
    return env.Undefined();
  }
  const auto settings = info[0].As<Napi::Object>();
  FstackOptions options;
  options.library = text(settings.Get("library"));
  options.configuration = text(settings.Get("configuration"));
  options.process = integer(settings.Get("process"));
  options.board = integer(settings.Get("board"));
  options.place = {.shift = uint8_t(integer(settings.Get("shift"))),
                   .worker = uint8_t(integer(settings.Get("worker")))};
  options.exclusive = settings.Get("exclusive").ToBoolean();
  options.settings.idle_sleep_us = settings.Get("idleSleep").ToNumber().Uint32Value();
  const auto addresses = settings.Get("addresses").As<Napi::Array>();
  for (uint32_t i = 0; i < addresses.Length(); ++i) {
    // As configurations write them: IPv6 without brackets.
    std::string address = text(addresses.Get(i));
    if (address.find(':') != address.npos) address = '[' + address + ']';
    if (auto parsed = net::Address::parse(address)) options.settings.addresses.push_back(*parsed);
  }
  const auto devices = settings.Get("devices").As<Napi::Array>();
  for (uint32_t i = 0; i < devices.Length(); ++i) options.devices.push_back(text(devices.Get(i)));
  std::string output;
  waiting = FstackThread::start(options, output);
  return waiting ? env.Null() : Napi::String::New(env, output);
}

/// fstackDescription(library)
Napi::Value fstack_description(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  std::string error;
  const net::FstackApi* api = load_fstack(text(info[0]), error);
  if (api) return Napi::String::New(env, api->description);
  Napi::Error::New(env, error).ThrowAsJavaScriptException();
  return env.Undefined();
}

}  // namespace

std::unique_ptr<FstackThread> take_fstack_thread() { return std::move(waiting); }

void export_fstack(Napi::Env env, Napi::Object exports) {
  add(env, exports, {{"startFstack", start_fstack}, {"fstackDescription", fstack_description}});
}

}  // namespace sluice::addon
