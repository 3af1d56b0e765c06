#include "tls/session_encoding.h"

#include <algorithm>
#include <array>

#include "base/byte_order.h"

namespace sluice::tls {

namespace {

// The elements of OpenSSL's SSL_SESSION_ASN1 (ssl/ssl_asn1.c): the encoding's version, the
// protocol's, the cipher, the session's id, its secret; then what may be absent, by rising tags.
constexpr uint8_t octet_string = 0x04, integer = 0x02, sequence = 0x30;
constexpr int elements_before_secret = 4;
constexpr uint8_t age_add_tag = 0xa0 + 14;

/// What a ticket may have at most (RFC 8446, 4.6.1), less what sealing adds.
constexpr int largest = 0xff00;

/// An element of DER (X.690, 8.1): where its content lies.
struct Element {
  uint8_t tag = 0;
  size_t content = 0, end = 0;
};

std::optional<Element> element_at(std::span<const uint8_t> bytes, size_t at) {
  if (bytes.size() - at < 2) return std::nullopt;
  Element element{bytes[at], at + 2};
  size_t size = bytes[at + 1];
  if (size > 0x80) {
    size_t width = size - 0x80;
    if (width > 2 || bytes.size() - element.content < width) return std::nullopt;
    size = size_t(big_endian(bytes.subspan(element.content, width)));
    element.content += width;
  }
  element.end = element.content + size;
  return element.end <= bytes.size() ? std::optional(element) : std::nullopt;
}

void append_head(std::vector<uint8_t>& to, uint8_t tag, size_t size) {
  to.push_back(tag);
  if (size >= 0x100) {
    to.insert(to.end(), {0x82, uint8_t(size >> 8)});
  } else if (size >= 0x80) {
    to.push_back(0x81);
  }
  to.push_back(uint8_t(size));
}

/// An INTEGER (X.690, 8.3): as short as can be, and its first bit isn't set.
class Integer {
 public:
  explicit Integer(uint32_t number) {
    for (size_t i = octets_.size(); i > 0; number >>= 8) octets_[--i] = uint8_t(number);
    while (spare_ < octets_.size() - 1 && octets_[spare_] == 0 && octets_[spare_ + 1] < 0x80) {
      ++spare_;
    }
  }
  std::span<const uint8_t> content() const { return std::span(octets_).subspan(spare_); }

 private:
  std::array<uint8_t, 5> octets_;
  size_t spare_ = 0;
};

}  // namespace

std::optional<SessionEncoding> SessionEncoding::of(const SSL_SESSION* session) {
  int size = i2d_SSL_SESSION(session, nullptr);
  if (size <= 0 || size > largest) return std::nullopt;
  SessionEncoding encoding;
  encoding.bytes_.resize(size_t(size));
  unsigned char* end = encoding.bytes_.data();
  i2d_SSL_SESSION(session, &end);
  return encoding.find_parts() ? std::optional(std::move(encoding)) : std::nullopt;
}

SessionEncoding::~SessionEncoding() {
  OPENSSL_cleanse(bytes_.data(), bytes_.size());
  OPENSSL_cleanse(altered_.data(), altered_.size());
}

bool SessionEncoding::find_parts() {
  std::optional<Element> element = element_at(bytes_, 0);
  if (!element || element->tag != sequence || element->end != bytes_.size()) return false;
  content_ = element->content;
  size_t at = content_;
  for (int i = 0; i <= elements_before_secret; ++i, at = element->end) {
    element = element_at(bytes_, at);
    if (!element) return false;
  }
  if (element->tag != octet_string) return false;
  secret_ = element->content;
  secret_size_ = element->end - secret_;
  while (at < bytes_.size()) {
    element = element_at(bytes_, at);
    if (!element) return false;
    if (element->tag >= age_add_tag) break;
    at = element->end;
  }
  age_add_ = at;
  rest_ = at < bytes_.size() && element->tag == age_add_tag ? element->end : at;
  return true;
}

std::span<const uint8_t> SessionEncoding::with(std::span<const uint8_t> secret, uint32_t age_add) {
  if (secret.size() != secret_size_) return {};
  Integer number(age_add);
  size_t number_size = 2 + number.content().size();
  size_t size = (age_add_ - content_) + 2 + number_size + (bytes_.size() - rest_);
  altered_.clear();
  altered_.reserve(size + 4);
  append_head(altered_, sequence, size);
  size_t head_size = altered_.size();
  altered_.insert(altered_.end(), bytes_.begin() + content_, bytes_.begin() + age_add_);
  std::ranges::copy(secret, altered_.begin() + head_size + (secret_ - content_));
  append_head(altered_, age_add_tag, number_size);
  append_head(altered_, integer, number.content().size());
  altered_.insert(altered_.end(), number.content().begin(), number.content().end());
  altered_.insert(altered_.end(), bytes_.begin() + rest_, bytes_.end());
  return altered_;
}

}  // namespace sluice::tls
