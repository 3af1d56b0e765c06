#include <napi.h>

namespace {

Napi::Object register_addon(Napi::Env, Napi::Object exports) { return exports; }

}  // namespace

NODE_API_MODULE(sluice, register_addon)
