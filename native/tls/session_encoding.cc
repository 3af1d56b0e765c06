#include "tls/session_encoding.h"

#include <algorithm>
#include <string_view>

#include "base/bytes.h"
#include "base/clock.h"
#include "tls/cleanse.h"

namespace sluice::tls {

namespace {

constexpr uint8_t integer = 0x02, octet_string = 0x04, sequence = 0x30, context_specific = 0xa0;

/// Of the encoding (OpenSSL's ssl/ssl_asn1.c), and the tags of what may be absent from it. There is
/// more that a server doesn't need, or that is agreed on anew, as a key exchange's group is.
constexpr uint64_t encoding_version = 1;
constexpr uint8_t time_tag = 1, timeout_tag = 2, peer_tag = 3, id_context_tag = 4,
                  verify_result_tag = 5, host_name_tag = 6, age_add_tag = 14,
                  max_early_data_tag = 15, alpn_selected_tag = 16, max_fragment_length_tag = 17;

}  // namespace

SessionEncoding::~SessionEncoding() { cleanse(bytes_.data() + lowest_, largest - lowest_); }

std::span<const uint8_t> SessionEncoding::with(std::span<const uint8_t> secret, uint32_t age_add) {
  const SSL_SESSION* session = SSL_get0_session(ssl_);
  begin_ = largest;
  fits_ = true;

  put_integer_tagged(max_fragment_length_tag, SSL_SESSION_get_max_fragment_length(session));
  const unsigned char* protocol = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_, &protocol, &size);
  if (size) put_octets_tagged(alpn_selected_tag, {protocol, size});
  put_integer_tagged(max_early_data_tag, SSL_get_max_early_data(ssl_));
  put_integer_tagged(age_add_tag, age_add);
  if (const char* name = SSL_SESSION_get0_hostname(session)) {
    put_octets_tagged(host_name_tag, as_bytes(name));
  }
  put_integer_tagged(verify_result_tag, uint64_t(SSL_get_verify_result(ssl_)));
  const unsigned char* id_context = SSL_SESSION_get0_id_context(session, &size);
  put_octets_tagged(id_context_tag, {id_context, size});
  if (const X509* peer = SSL_SESSION_get0_peer(const_cast<SSL_SESSION*>(session))) {
    put_certificate(peer);
  }
  put_integer_tagged(timeout_tag, uint64_t(SSL_SESSION_get_timeout(session)));
  put_integer_tagged(time_tag, uint64_t(Clock::of_thread().seconds()));

  put_octets(secret);
  put_octets({});  // a session in a ticket has no id
  uint16_t cipher = SSL_CIPHER_get_protocol_id(SSL_SESSION_get0_cipher(session));
  const uint8_t cipher_bytes[] = {uint8_t(cipher >> 8), uint8_t(cipher)};
  put_octets(cipher_bytes);
  put_integer(uint64_t(SSL_SESSION_get_protocol_version(session)));
  put_integer(encoding_version);
  put_head(sequence, this->size());

  lowest_ = std::min(lowest_, begin_);
  return fits_ ? std::span<const uint8_t>(bytes_).subspan(begin_) : std::span<const uint8_t>();
}

void SessionEncoding::put(std::span<const uint8_t> bytes) {
  fits_ = fits_ && bytes.size() <= begin_;
  if (!fits_) return;
  begin_ -= bytes.size();
  std::ranges::copy(bytes, bytes_.begin() + begin_);
}

void SessionEncoding::put_head(uint8_t tag, size_t size) {
  const uint8_t head[] = {tag, 0x82, uint8_t(size >> 8), uint8_t(size)};
  if (size >= 0x100) {
    put(head);
  } else if (size >= 0x80) {
    put(std::to_array<uint8_t>({tag, 0x81, uint8_t(size)}));
  } else {
    put(std::to_array<uint8_t>({tag, uint8_t(size)}));
  }
}

void SessionEncoding::put_octets(std::span<const uint8_t> octets) {
  put(octets);
  put_head(octet_string, octets.size());
}

// As short as can be, and its first bit isn't set (X.690, 8.3).
void SessionEncoding::put_integer(uint64_t number) {
  size_t before = size();
  uint8_t octet = 0;
  do {
    octet = uint8_t(number);
    put({&octet, 1});
    number >>= 8;
  } while (number || octet >= 0x80);
  put_head(integer, size() - before);
}

void SessionEncoding::put_certificate(const X509* certificate) {
  size_t before = size();
  int length = i2d_X509(certificate, nullptr);
  fits_ = fits_ && length > 0 && size_t(length) <= begin_;
  if (!fits_) return;
  begin_ -= size_t(length);
  unsigned char* end = bytes_.data() + begin_;
  i2d_X509(certificate, &end);
  tag(peer_tag, before);
}

void SessionEncoding::tag(uint8_t number, size_t before) {
  put_head(context_specific + number, size() - before);
}

void SessionEncoding::put_octets_tagged(uint8_t number, std::span<const uint8_t> octets) {
  size_t before = size();
  put_octets(octets);
  tag(number, before);
}

void SessionEncoding::put_integer_tagged(uint8_t number, uint64_t value) {
  size_t before = size();
  if (value == 0) return;
  put_integer(value);
  tag(number, before);
}

}  // namespace sluice::tls
