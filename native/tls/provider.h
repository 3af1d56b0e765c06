#pragma once

namespace sluice::tls {

/// The property query that contexts are made with (SSL_CTX_new_ex()), so that OpenSSL takes the
/// algorithms that we have, TLS13-KDF and HMAC, from us. Null: there are only its own.
const char* provider_query();

/// How an algorithm of ours is told from others of its name (property(7)).
inline constexpr char provided_by_us[] = "provider=sluice";
inline constexpr char provided_by_others[] = "provider!=sluice";

}  // namespace sluice::tls
