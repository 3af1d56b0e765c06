#include "tls/handshake_watch.h"

#include <algorithm>
#include <cstring>

#include "base/byte_order.h"

namespace sluice::tls {

namespace {

int own_index() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

std::string_view take_word(std::string_view& line) {
  size_t size = std::min(line.find(' '), line.size());
  std::string_view word = line.substr(0, size);
  line.remove_prefix(std::min(size + 1, line.size()));
  return word;
}

}  // namespace

void HandshakeWatch::install(SSL_CTX* context) { SSL_CTX_set_keylog_callback(context, on_secret); }

std::unique_ptr<HandshakeWatch> HandshakeWatch::start(SSL* ssl) {
  if (SSL_CTX_get_keylog_callback(SSL_get_SSL_CTX(ssl)) != on_secret) return nullptr;
  return std::unique_ptr<HandshakeWatch>(new HandshakeWatch(ssl));
}

HandshakeWatch::HandshakeWatch(SSL* ssl) : ssl_(ssl) {
  SSL_set_ex_data(ssl, own_index(), this);
  SSL_set_msg_callback(ssl, on_message);
  SSL_set_msg_callback_arg(ssl, this);
}

HandshakeWatch::~HandshakeWatch() {
  SSL_set_ex_data(ssl_, own_index(), nullptr);
  SSL_set_msg_callback(ssl_, nullptr);
  for (Secret* secret : {&client_, &server_, &master_}) {
    OPENSSL_cleanse(secret->bytes.data(), secret->bytes.size());
  }
}

void HandshakeWatch::Secret::set(std::string_view hexadecimal) {
  char text[2 * SSL_MAX_MASTER_KEY_LENGTH + 1];
  if (hexadecimal.size() >= sizeof text) return;
  *std::ranges::copy(hexadecimal, text).out = '\0';
  if (!OPENSSL_hexstr2buf_ex(bytes.data(), bytes.size(), &size, text, '\0')) size = 0;
  OPENSSL_cleanse(text, sizeof text);
}

// https://www.ietf.org/archive/id/draft-ietf-tls-keylogfile-05.html: what it is, the client's
// random, the secret. It comes as the keys of TLS 1.3 that are made of it come into use.
void HandshakeWatch::on_secret(const SSL* ssl, const char* text) {
  auto* watch = static_cast<HandshakeWatch*>(SSL_get_ex_data(ssl, own_index()));
  if (!watch) return;
  std::string_view line = text;
  std::string_view label = take_word(line);
  take_word(line);
  if (label == "CLIENT_TRAFFIC_SECRET_0") {
    watch->client_.set(line);
    watch->received_ = 0;
  } else if (label == "SERVER_TRAFFIC_SECRET_0") {
    watch->server_.set(line);
    watch->sent_ = 0;
  } else if (label == "CLIENT_RANDOM") {
    watch->master_.set(line);
  }
}

// In TLS 1.2 keys change with a ChangeCipherSpec (RFC 5246, 7.1).
void HandshakeWatch::on_message(int sent, int, int type, const void* bytes, size_t, SSL*,
                                void* self) {
  if (type != SSL3_RT_HEADER) return;
  auto* watch = static_cast<HandshakeWatch*>(self);
  uint64_t& count = sent ? watch->sent_ : watch->received_;
  bool change = *static_cast<const uint8_t*>(bytes) == SSL3_RT_CHANGE_CIPHER_SPEC;
  count = change ? 0 : count + 1;
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
  size_t size = size_t(EVP_MD_get_size(suite.digest));
  if (client_.size != size || server_.size != size) return std::nullopt;
  RecordKeys::Both both{RecordKeys::from_traffic_secret(suite, client_.get()),
                        RecordKeys::from_traffic_secret(suite, server_.get())};
  both.client.sequence = received_;
  both.server.sequence = sent_;
  return both;
}

std::optional<RecordKeys::Both> HandshakeWatch::tls12_keys(const RecordSuite& suite) const {
  // Both sides' Finished, and nothing else.
  if (master_.size != SSL_MAX_MASTER_KEY_LENGTH || received_ != 1 || sent_ != 1) {
    return std::nullopt;
  }
  uint8_t client_random[SSL3_RANDOM_SIZE];
  uint8_t server_random[SSL3_RANDOM_SIZE];
  SSL_get_client_random(ssl_, client_random, sizeof client_random);
  SSL_get_server_random(ssl_, server_random, sizeof server_random);
  RecordKeys::Both both =
      RecordKeys::from_master_secret(suite, master_.get(), client_random, server_random);
  both.client.sequence = received_;
  both.server.sequence = sent_;
  if (both.server.has_explicit_nonce()) {
    // OpenSSL's begin anywhere. To go on from there leaves none to be used twice.
    std::memcpy(both.server.iv.data() + 4, sent_last_.data(), sizeof(uint64_t));
  }
  return both;
}

}  // namespace sluice::tls
