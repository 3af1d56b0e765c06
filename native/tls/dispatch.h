#pragma once

#include <openssl/core_dispatch.h>

namespace sluice::tls {

/// An entry of one of OpenSSL's tables of functions: the number says which type it has
/// (openssl-core_dispatch.h(7)).
template <typename Function>
constexpr OSSL_DISPATCH dispatched(int id, Function* function) {
  return {id, reinterpret_cast<void (*)()>(function)};
}

}  // namespace sluice::tls
