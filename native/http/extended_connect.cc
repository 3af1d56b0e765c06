#include "http/extended_connect.h"

#include <openssl/rand.h>

#include "base/encode.h"

namespace sluice::http {

void become_upgrade(RequestHead& request, std::string_view protocol, Arena& arena) {
  request.method = Method::get;
  request.method_name = "GET";
  request.headers.add("upgrade", protocol, HeaderId::upgrade);
  request.headers.add("connection", "upgrade", HeaderId::connection);
  if (!iequals(protocol, "websocket")) return;
  constexpr std::string_view key_name = "sec-websocket-key";
  request.headers.remove(key_name);
  unsigned char nonce[16];
  RAND_bytes(nonce, sizeof nonce);
  std::span<char> key = arena.text(base64_size(sizeof nonce));
  encode_base64({reinterpret_cast<char*>(nonce), sizeof nonce}, key.data());
  request.headers.add(key_name, {key.data(), key.size()});
}

}  // namespace sluice::http
