#include "tls/handshake_watch.h"

#include <algorithm>
#include <cstring>

#include "tls/cleanse.h"

namespace sluice::tls {

namespace {

constexpr size_t master_size = SSL_MAX_MASTER_KEY_LENGTH;

}  // namespace

HandshakeWatch::HandshakeWatch(SSL* ssl) : ssl_(ssl) {
  SSL_set_msg_callback(ssl, on_message);
  SSL_set_msg_callback_arg(ssl, this);
}

HandshakeWatch::~HandshakeWatch() { SSL_set_msg_callback(ssl_, nullptr); }

// In TLS 1.2 keys change with a ChangeCipherSpec (RFC 5246, 7.1), in 1.3 when they are derived.
void HandshakeWatch::on_message(int sent, int, int type, const void* bytes, size_t, SSL* ssl,
                                void* self) {
  if (type != SSL3_RT_HEADER) return;
  auto* watch = static_cast<HandshakeWatch*>(self);
  uint64_t& count = sent ? watch->sent_ : watch->received_;
  const auto& traffic = sent ? watch->notes_.server : watch->notes_.client;
  bool before = SSL_version(ssl) == TLS1_3_VERSION
                    ? traffic.secret.get().empty()
                    : *static_cast<const uint8_t*>(bytes) == SSL3_RT_CHANGE_CIPHER_SPEC;
  count = before ? 0 : count + 1;
}

void HandshakeWatch::on_written(std::span<const char> bytes) {
  size_t kept = sent_last_.size() - std::min(bytes.size(), sent_last_.size());
  std::copy(sent_last_.end() - kept, sent_last_.end(), sent_last_.begin());
  std::copy(bytes.end() - (sent_last_.size() - kept), bytes.end(), sent_last_.begin() + kept);
}

std::optional<RecordKeys::Both> HandshakeWatch::keys() const {
  const RecordSuite* suite = RecordSuite::agreed(ssl_);
  if (!suite || SSL_has_pending(ssl_)) return std::nullopt;
  switch (SSL_version(ssl_)) {
    case TLS1_3_VERSION:
      return tls13_keys(*suite);
    case TLS1_2_VERSION:
      return tls12_keys(*suite);
    default:
      return std::nullopt;
  }
}

std::optional<RecordKeys::Both> HandshakeWatch::tls13_keys(const RecordSuite& suite) const {
  if (!suite.fits(notes_.client) || !suite.fits(notes_.server)) return std::nullopt;
  RecordKeys::Both both{RecordKeys::from_traffic(suite, notes_.client),
                        RecordKeys::from_traffic(suite, notes_.server)};
  both.client.sequence = received_;
  both.server.sequence = sent_;
  return both;
}

std::optional<RecordKeys::Both> HandshakeWatch::tls12_keys(const RecordSuite& suite) const {
  // Both sides' Finished, and nothing else.
  if (received_ != 1 || sent_ != 1) return std::nullopt;
  uint8_t master[master_size];
  if (SSL_SESSION_get_master_key(SSL_get0_session(ssl_), master, master_size) != master_size) {
    return std::nullopt;
  }
  uint8_t client_random[SSL3_RANDOM_SIZE];
  uint8_t server_random[SSL3_RANDOM_SIZE];
  SSL_get_client_random(ssl_, client_random, sizeof client_random);
  SSL_get_server_random(ssl_, server_random, sizeof server_random);
  RecordKeys::Both both =
      RecordKeys::from_master_secret(suite, master, client_random, server_random);
  cleanse(master);
  both.client.sequence = received_;
  both.server.sequence = sent_;
  if (both.server.has_explicit_nonce()) {
    // OpenSSL's begin anywhere. To go on from there leaves none to be used twice.
    std::memcpy(both.server.iv.data() + 4, sent_last_.data(), sizeof(uint64_t));
  }
  return both;
}

}  // namespace sluice::tls
