#pragma once

#include <span>
#include <string>
#include <string_view>

#include "proxy/plan.h"
#include "tls/openssl.h"

namespace sluice::tls {

/// Names of keys that no file holds: what follows is OpenSSL's to find
/// (https://nginx.org/en/docs/http/ngx_http_ssl_module.html#ssl_certificate_key).
constexpr std::string_view store_prefix = "store:", engine_prefix = "engine:";

/// The text of a PEM file, and what messages call it; of a key that is elsewhere the name says
/// where.
struct Pem {
  std::string_view name;
  std::string_view text;

  static Pem read(const plan::Node& node) { return {node["name"].text(), node["text"].text()}; }
  explicit operator bool() const { return !name.empty(); }
};

struct StackReleaser {
  void operator()(STACK_OF(X509) * chain) const { sk_X509_pop_free(chain, X509_free); }
  void operator()(STACK_OF(X509_CRL) * list) const { sk_X509_CRL_pop_free(list, X509_CRL_free); }
};
using ChainPtr = std::unique_ptr<STACK_OF(X509), StackReleaser>;
using CrlsPtr = std::unique_ptr<STACK_OF(X509_CRL), StackReleaser>;

/// A certificate, and those behind it. Null with `error`: the call that failed, in nginx's words;
/// the reason is in OpenSSL's queue.
ChainPtr load_chain(const Pem& pem, std::string& error);
/// A private key; an encrypted one is tried with each password. `encrypted`: says whether it was.
KeyPtr load_key(const Pem& pem, std::span<const std::string_view> passwords, std::string& error,
                bool* encrypted = nullptr);
CrlsPtr load_crls(const Pem& pem, std::string& error);

/// A bio that reads `text`, which stays the caller's.
BioPtr reading(std::string_view text);

}  // namespace sluice::tls
