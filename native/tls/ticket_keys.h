#pragma once

#include <array>
#include <memory>
#include <vector>

#include "tls/openssl.h"
#include "tls/settings.h"

namespace sluice::tls {

/// The keys that session tickets are sealed with (RFC 5077): those of `ssl_session_ticket_key`
/// files, the first of which encrypts.
class TicketKeys {
 public:
  /// Has the context use the files' keys, or else the configuration's own: every worker's tickets
  /// are then good everywhere. Null when nothing has to be kept.
  static std::unique_ptr<TicketKeys> install(SSL_CTX* context, const Settings& settings);

 private:
  struct Key {
    std::array<unsigned char, 16> name;
    std::array<unsigned char, 32> cipher;
    std::array<unsigned char, 32> mac;
    size_t size;  ///< of the other two: 16 or 32
  };
  static Key parse(std::string_view file);
  static int use(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                 EVP_MAC_CTX* mac, int encrypt);

  std::vector<Key> keys_;
};

}  // namespace sluice::tls
