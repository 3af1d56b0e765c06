#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "tls/openssl.h"

/// A server's NewSessionTicket messages in TLS 1.3 (RFC 8446, 4.6.1). For each of them OpenSSL
/// encodes the session four times and decodes it once; ours are all made of one encoding.
namespace sluice::tls::new_session_tickets {

/// Has OpenSSL send none along with the handshake that is about to begin.
void hold_back(SSL* ssl);

/// After it, what the client is to be sent: messages, one behind the other. Nothing where OpenSSL
/// has to make them: sessions stay here, and their tickets are ids.
std::optional<std::vector<uint8_t>> make(SSL* ssl, std::span<const uint8_t> resumption_secret);

/// Has OpenSSL send what was held back, if anything was.
void send_by_openssl(SSL* ssl);

}  // namespace sluice::tls::new_session_tickets
