#include "tls/client_hello.h"

#include "base/byte_order.h"

namespace sluice::tls::client_hello {

namespace {

constexpr size_t host_name_type = 0;  // RFC 6066, 3
constexpr size_t tls13 = 0x0304;

/// Takes from the front; what is too short gives nothing from then on.
class Reader {
 public:
  explicit Reader(Bytes bytes) : rest_(bytes) {}

  size_t number(size_t width) { return size_t(big_endian(take(width))); }
  /// A vector with its length before it, in `width` bytes (RFC 8446, 3.4).
  Bytes vector(size_t width) { return take(number(width)); }
  Bytes take(size_t size) {
    if (size > rest_.size()) {
      failed_ = true;
      rest_ = {};
      return {};
    }
    Bytes taken = rest_.first(size);
    rest_ = rest_.subspan(size);
    return taken;
  }
  bool failed() const { return failed_; }
  bool at_end() const { return rest_.empty(); }

 private:
  Bytes rest_;
  bool failed_ = false;
};

}  // namespace

std::optional<std::string_view> host_name(Bytes extension) {
  Reader reader(extension);
  Reader list(reader.vector(2));
  size_t type = list.number(1);
  Bytes name = list.vector(2);
  if (reader.failed() || list.failed() || !reader.at_end() || !list.at_end() ||
      type != host_name_type) {
    return std::nullopt;
  }
  return std::string_view(reinterpret_cast<const char*>(name.data()), name.size());
}

std::string lower_case(const char* name) {
  std::string text(name ? name : "");
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = char(c | 0x20);
  }
  return text;
}

bool offers_tls13(Bytes extension) {
  Reader reader(extension);
  Reader versions(reader.vector(1));
  while (!versions.at_end()) {
    if (versions.number(2) == tls13) return true;
  }
  return false;
}

std::optional<Psk> first_psk(Bytes extension) {
  Reader reader(extension);
  Reader identities(reader.vector(2));
  Reader binders(reader.vector(2));
  Psk psk;
  psk.identity = identities.vector(2);
  identities.take(sizeof(uint32_t));  // the ticket's age
  psk.binder = binders.vector(1);
  if (reader.failed() || identities.failed() || binders.failed() || !reader.at_end() ||
      psk.identity.empty() || psk.binder.empty()) {
    return std::nullopt;
  }
  return psk;
}

}  // namespace sluice::tls::client_hello
