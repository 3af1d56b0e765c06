#pragma once

#include <napi.h>

#include <initializer_list>
#include <string>

/// What the addon shows to JavaScript: one function per file adds its part to `exports`.
/// src/fstack-binding/addon.ts is the typed face, and documents each function for its callers.
namespace sluice::addon {

void export_sockets(Napi::Env env, Napi::Object exports);
void export_descriptors(Napi::Env env, Napi::Object exports);
void export_names(Napi::Env env, Napi::Object exports);
void export_process(Napi::Env env, Napi::Object exports);
void export_syslog(Napi::Env env, Napi::Object exports);
void export_regex(Napi::Env env, Napi::Object exports);
void export_tls(Napi::Env env, Napi::Object exports);
void export_quic(Napi::Env env, Napi::Object exports);
void export_fstack(Napi::Env env, Napi::Object exports);
void export_data_plane(Napi::Env env, Napi::Object exports);
void export_socket_plane(Napi::Env env, Napi::Object exports);

struct Export {
  const char* name;
  Napi::Value (*function)(const Napi::CallbackInfo&);
};

void add(Napi::Env env, Napi::Object exports, std::initializer_list<Export> functions);

/// Throws a JavaScript Error for the system error `error` in the shape of Node's own: `errno` is
/// negative, `syscall` is given. Returns undefined, so that a function may return what this
/// returns.
Napi::Value throw_system_error(Napi::Env env, const char* syscall, int error);

/// Text as bytes: configuration text is latin1 on the JavaScript side, one character a byte.
std::string latin1(const Napi::Value& value);

inline int integer(const Napi::Value& value) { return value.ToNumber().Int32Value(); }

}  // namespace sluice::addon
