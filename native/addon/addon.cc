#include <dlfcn.h>

#include <cstring>

#include "addon/exports.h"

namespace sluice::addon {

void add(Napi::Env env, Napi::Object exports, std::initializer_list<Export> functions) {
  for (const Export& item : functions) {
    exports.Set(item.name, Napi::Function::New(env, item.function, item.name));
  }
}

Napi::Value throw_system_error(Napi::Env env, const char* syscall, int error) {
  Napi::Error thrown =
      Napi::Error::New(env, std::string(syscall) + "() failed (" + std::to_string(error) + ": " +
                                strerror(error) + ")");
  thrown.Set("errno", Napi::Number::New(env, -error));
  thrown.Set("syscall", Napi::String::New(env, syscall));
  thrown.ThrowAsJavaScriptException();
  return env.Undefined();
}

std::string latin1(const Napi::Value& value) {
  size_t length = 0;
  napi_get_value_string_latin1(value.Env(), value, nullptr, 0, &length);
  std::string text(length, '\0');
  napi_get_value_string_latin1(value.Env(), value, text.data(), length + 1, &length);
  return text;
}

namespace {

Napi::Object export_all(Napi::Env env, Napi::Object exports) {
  // The data plane calls OpenSSL inside the Node executable. The linker resolves that lazily, so an
  // older Node would die at the first handshake; it is refused here instead.
  if (dlsym(RTLD_DEFAULT, "SSL_set_quic_tls_cbs") == nullptr) {
    Napi::Error::New(env, "this Node.js has no OpenSSL 3.5: Node.js 26 or later is needed")
        .ThrowAsJavaScriptException();
    return exports;
  }
  export_sockets(env, exports);
  export_descriptors(env, exports);
  export_names(env, exports);
  export_process(env, exports);
  export_syslog(env, exports);
  export_regex(env, exports);
  export_tls(env, exports);
  export_quic(env, exports);
  export_fstack(env, exports);
  export_data_plane(env, exports);
  export_socket_plane(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(sluice, export_all)

}  // namespace sluice::addon
