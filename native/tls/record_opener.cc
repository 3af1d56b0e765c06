#include "tls/record_opener.h"

#include <algorithm>
#include <utility>

#include "base/byte_order.h"

namespace sluice::tls {

namespace {

const uint8_t* bytes_of(std::span<const char> text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}

size_t whole_size(std::span<const char> record) {
  return record::head_size + size_t(big_endian(record.subspan(3, 2)));
}

}  // namespace

RecordOpener::Outcome RecordOpener::open(std::span<const char>& input, std::span<char> room,
                                         Record& opened) {
  auto take = [&](size_t size) {
    std::span<const char> taken = input.first(size);
    input = input.subspan(size);
    return taken;
  };
  auto complete = [&](size_t size) {
    size_t missing = size - std::min(size, partial_.size());
    std::span<const char> taken = take(std::min(missing, input.size()));
    partial_.append(taken.data(), taken.size());
    return partial_.size() >= size;
  };
  if (fault_.reason) return Outcome::refused;
  std::span<const char> known = partial_.empty() ? input : std::span<const char>(partial_);
  if (known.size() < record::head_size) {
    if (!complete(record::head_size)) return Outcome::incomplete;
    known = partial_;
  }
  size_t size = whole_size(known);
  if (!accept_head(bytes_of(known), size - record::head_size)) return Outcome::refused;
  if (partial_.empty() && input.size() >= size) return decrypt(take(size), room, opened);
  partial_.reserve(size);
  if (!complete(size)) return Outcome::incomplete;
  return decrypt(std::exchange(partial_, {}), room, opened);
}

size_t RecordOpener::room_for(std::span<const char> input) const {
  std::span<const char> known = partial_.empty() ? input : std::span<const char>(partial_);
  if (known.size() < record::head_size) return most_room;
  return std::min(most_room, whole_size(known) - record::head_size);
}

// What OpenSSL accepts, and refuses in the same words.
bool RecordOpener::accept_head(const uint8_t* head, size_t length) {
  size_t overhead = record::prefix_size(keys_) - record::head_size + record::suffix_size(keys_);
  bool known = head[0] >= SSL3_RT_CHANGE_CIPHER_SPEC && head[0] <= SSL3_RT_APPLICATION_DATA;
  if (is_tls13() ? head[0] != SSL3_RT_APPLICATION_DATA : !known) {
    refuse(SSL_AD_UNEXPECTED_MESSAGE, SSL_R_BAD_RECORD_TYPE);
  } else if (head[1] != TLS1_2_VERSION_MAJOR || head[2] != TLS1_2_VERSION_MINOR) {
    refuse(is_tls13() ? SSL_AD_DECODE_ERROR : SSL_AD_PROTOCOL_VERSION, SSL_R_WRONG_VERSION_NUMBER);
  } else if (length > (is_tls13() ? most_room : record::largest_plaintext + overhead)) {
    refuse(SSL_AD_RECORD_OVERFLOW, SSL_R_ENCRYPTED_LENGTH_TOO_LONG);
  } else if (length < overhead) {
    refuse(SSL_AD_BAD_RECORD_MAC, SSL_R_LENGTH_TOO_SHORT);
  }
  return !fault_.reason;
}

RecordOpener::Outcome RecordOpener::decrypt(std::span<const char> whole, std::span<char> room,
                                            Record& opened) {
  if (keys_.sequence == UINT64_MAX) {
    return refuse(SSL_AD_INTERNAL_ERROR, SSL_R_SEQUENCE_CTR_WRAPPED);
  }
  const uint8_t* from = bytes_of(whole);
  size_t prefix = record::prefix_size(keys_);
  size_t size = whole.size() - prefix - RecordSuite::tag_size;
  auto* out = reinterpret_cast<uint8_t*>(room.data());
  int written = 0;
  Nonce nonce = keys_.nonce();
  if (keys_.has_explicit_nonce()) {
    std::copy_n(from + record::head_size, record::explicit_nonce_size,
                nonce.end() - record::explicit_nonce_size);
  }
  record::AssociatedData associated(
      keys_, std::span<const uint8_t, record::head_size>(from, record::head_size), size);
  EVP_CIPHER_CTX* cipher =
      cipher_.begin(keys_, nonce, {from + prefix + size, RecordSuite::tag_size});
  bool genuine =
      cipher &&
      EVP_DecryptUpdate(cipher, nullptr, &written, associated.data(), int(associated.size())) &&
      EVP_DecryptUpdate(cipher, out, &written, from + prefix, int(size)) &&
      EVP_DecryptFinal_ex(cipher, out + size, &written);
  if (!genuine) {
    ERR_clear_error();
    return refuse(SSL_AD_BAD_RECORD_MAC, SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC);
  }
  ++keys_.sequence;
  uint8_t type = from[0];
  if (is_tls13()) {
    // Behind the content are its type and zeros (RFC 8446, 5.4).
    while (size > 0 && out[size - 1] == 0) --size;
    if (size == 0) return refuse(SSL_AD_UNEXPECTED_MESSAGE, SSL_R_BAD_RECORD_TYPE);
    type = out[--size];
  }
  if (size > largest_) return refuse(SSL_AD_RECORD_OVERFLOW, SSL_R_DATA_LENGTH_TOO_LONG);
  opened = {record::Type(type), room.first(size)};
  return Outcome::record;
}

RecordOpener::Outcome RecordOpener::refuse(uint8_t alert, int reason) {
  fault_ = {alert, reason};
  return Outcome::refused;
}

void RecordOpener::update() {
  keys_.update();
  cipher_.drop();
}

}  // namespace sluice::tls
