// Engines are deprecated since OpenSSL 3.0. OpenSSL 3.5 has them still, and so have directives.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "tls/engine_key.h"

#include <openssl/conf.h>
#include <openssl/engine.h>

#include <cstdlib>

namespace sluice::tls {

namespace {

/// What the file that OPENSSL_CONF names says of engines, as every other program has it: Node.js
/// itself has read another section of it.
void configure_engines() {
  static const bool done = [] {
    ENGINE_load_builtin_engines();
    if (const char* file = std::getenv("OPENSSL_CONF")) {
      CONF_modules_load_file(file, nullptr, 0);
    }
    return true;
  }();
  (void)done;
}

}  // namespace

// An engine may bring the system's libcrypto along; what it calls is this program's, which comes
// first.
KeyPtr load_engine_key(std::string_view said, std::string& error) {
  size_t colon = said.find(':');
  if (colon == said.npos) {
    error = "invalid syntax";
    return nullptr;
  }
  configure_engines();
  std::string name(said.substr(0, colon));
  std::string id(said.substr(colon + 1));
  std::unique_ptr<ENGINE, Releaser<ENGINE_free>> engine(ENGINE_by_id(name.c_str()));
  if (!engine) {
    error = "ENGINE_by_id() failed";
    return nullptr;
  }
  // It is never finished: by the time that OpenSSL would do so, at exit, an engine's own modules
  // may have gone.
  if (!ENGINE_init(engine.get())) {
    error = "ENGINE_init() failed";
    return nullptr;
  }
  KeyPtr key(ENGINE_load_private_key(engine.get(), id.c_str(), nullptr, nullptr));
  if (!key) error = "ENGINE_load_private_key() failed";
  return key;
}

}  // namespace sluice::tls
