#include "tls/record_sealer.h"

#include <algorithm>
#include <cstring>

namespace sluice::tls {

bool RecordSealer::seal(record::Type type, std::span<const iovec> pieces, size_t size,
                        std::span<char> out) {
  if (keys_.sequence == UINT64_MAX) return false;
  auto* at = reinterpret_cast<uint8_t*>(out.data());
  size_t length = sealed_size(size) - record::head_size;
  auto shown = keys_.is_tls13() ? record::Type::application_data : type;
  const uint8_t head[record::head_size] = {uint8_t(shown), TLS1_2_VERSION_MAJOR,
                                           TLS1_2_VERSION_MINOR, uint8_t(length >> 8),
                                           uint8_t(length)};
  Nonce nonce = keys_.nonce();
  record::AssociatedData associated(keys_, head, size);
  EVP_CIPHER_CTX* cipher = cipher_.begin(keys_, nonce);
  int written = 0;
  bool done = cipher && EVP_EncryptUpdate(cipher, nullptr, &written, associated.data(),
                                          int(associated.size()));
  at = std::ranges::copy(head, at).out;
  if (keys_.has_explicit_nonce()) {
    at = std::copy_n(nonce.end() - record::explicit_nonce_size, record::explicit_nonce_size, at);
  }
  for (const iovec& piece : pieces) {
    if (size == 0) break;
    size_t part = std::min(size, piece.iov_len);
    done = done && EVP_EncryptUpdate(cipher, at, &written,
                                     static_cast<const uint8_t*>(piece.iov_base), int(part));
    at += part;
    size -= part;
  }
  if (keys_.is_tls13()) {
    auto inner = uint8_t(type);
    done = done && EVP_EncryptUpdate(cipher, at++, &written, &inner, 1);
  }
  done = done && EVP_EncryptFinal_ex(cipher, at, &written) &&
         EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, RecordSuite::tag_size, at);
  ++keys_.sequence;
  return done;
}

void RecordSealer::update() {
  keys_.update();
  cipher_.drop();
}

}  // namespace sluice::tls
