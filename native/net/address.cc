#include "net/address.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include <arpa/inet.h>

#include "base/number.h"

namespace sluice::net {
namespace {

constexpr socklen_t unix_header = offsetof(sockaddr_un, sun_path);

std::optional<uint16_t> parse_port(std::string_view text) {
  auto port = parse_decimal(text);
  if (!port || *port == 0 || *port > 65535) return {};
  return static_cast<uint16_t>(*port);
}

/// inet_pton wants a terminated string.
bool parse_ip(int family, std::string_view text, void* out) {
  char terminated[INET6_ADDRSTRLEN];
  if (text.size() >= sizeof(terminated)) return false;
  *std::copy(text.begin(), text.end(), terminated) = '\0';
  return inet_pton(family, terminated, out) == 1;
}

char* append(char* out, std::string_view text) { return std::copy(text.begin(), text.end(), out); }

char* format_ipv4(char* out, std::span<const uint8_t> bytes) {
  for (size_t i = 0; i < 4; ++i) {
    if (i) *out++ = '.';
    out = format_decimal(out, bytes[i]);
  }
  return out;
}

/// RFC 5952: the longest run of at least two zero groups becomes `::`; mapped and compatible
/// addresses end in IPv4.
char* format_ipv6(char* out, std::span<const uint8_t> bytes) {
  auto group = [&](int i) { return bytes[2 * i] << 8 | bytes[2 * i + 1]; };
  int zeros = 0, zeros_at = -1;
  for (int i = 0; i < 8; ++i) {
    int end = i;
    while (end < 8 && group(end) == 0) ++end;
    if (end - i > std::max(zeros, 1)) {
      zeros = end - i;
      zeros_at = i;
    }
    if (end > i) i = end;
  }
  bool mapped = zeros_at == 0 && zeros == 5 && group(5) == 0xffff;
  bool compatible = zeros_at == 0 && (zeros == 6 || (zeros == 7 && bytes[14] && bytes[15] != 1));
  int groups = mapped || compatible ? 6 : 8;
  for (int i = 0; i < groups;) {
    if (i == zeros_at) {
      out = append(out, "::");
      i += zeros;
      continue;
    }
    if (i && i != zeros_at + zeros) *out++ = ':';
    out = format_hex(out, group(i++));
  }
  if (groups == 6) {
    if (mapped) *out++ = ':';
    out = format_ipv4(out, bytes.subspan(12));
  }
  return out;
}

}  // namespace

Address::Address(const sockaddr* address, socklen_t length) : Address() {
  switch (address->sa_family) {
    case AF_INET:
      std::memcpy(&ip_.v4, address, sizeof(ip_.v4));
      size_ = sizeof(ip_.v4);
      break;
    case AF_INET6:
      std::memcpy(&ip_.v6, address, sizeof(ip_.v6));
      size_ = sizeof(ip_.v6);
      break;
    case AF_UNIX:
      ip_.any.sa_family = AF_UNIX;
      size_ = std::min<socklen_t>(length, sizeof(sockaddr_un));
      if (size_ > unix_header) {
        auto path = std::make_shared<sockaddr_un>();
        std::memcpy(path.get(), address, size_);
        path_ = std::move(path);
      }
      break;
  }
}

std::optional<Address> Address::parse(std::string_view text, uint16_t default_port) {
  if (text.starts_with("unix:")) {
    std::string_view path = text.substr(5);
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof(address.sun_path)) return {};
    std::copy(path.begin(), path.end(), address.sun_path);
    // An abstract name is counted, a path is terminated (unix(7)).
    bool abstract = path.front() == '@';
    if (abstract) address.sun_path[0] = '\0';
    socklen_t length = unix_header + path.size() + (abstract ? 0 : 1);
    return Address(reinterpret_cast<sockaddr*>(&address), length);
  }

  Address address;
  std::string_view port;
  if (text.starts_with('[')) {
    size_t end = text.find(']');
    if (end == text.npos) return {};
    if (!parse_ip(AF_INET6, text.substr(1, end - 1), &address.ip_.v6.sin6_addr)) return {};
    address.ip_.v6.sin6_family = AF_INET6;
    address.size_ = sizeof(address.ip_.v6);
    port = text.substr(end + 1);
  } else {
    size_t end = std::min(text.find(':'), text.size());
    if (!parse_ip(AF_INET, text.substr(0, end), &address.ip_.v4.sin_addr)) return {};
    address.ip_.v4.sin_family = AF_INET;
    address.size_ = sizeof(address.ip_.v4);
    port = text.substr(end);
  }
  address.set_port(default_port);
  if (!port.empty()) {
    auto number = port.front() == ':' ? parse_port(port.substr(1)) : std::nullopt;
    if (!number) return {};
    address.set_port(*number);
  }
  return address;
}

std::optional<Address> Address::from_ip(std::span<const uint8_t> bytes, uint16_t port) {
  Address address;
  if (bytes.size() == 4) {
    address.ip_.v4.sin_family = AF_INET;
    std::memcpy(&address.ip_.v4.sin_addr, bytes.data(), 4);
    address.size_ = sizeof(address.ip_.v4);
  } else if (bytes.size() == 16) {
    address.ip_.v6.sin6_family = AF_INET6;
    std::memcpy(&address.ip_.v6.sin6_addr, bytes.data(), 16);
    address.size_ = sizeof(address.ip_.v6);
  } else {
    return {};
  }
  address.set_port(port);
  return address;
}

Family Address::family() const {
  switch (ip_.any.sa_family) {
    case AF_INET:
      return Family::ipv4;
    case AF_INET6:
      return Family::ipv6;
    case AF_UNIX:
      return Family::unix;
  }
  return Family::none;
}

uint16_t Address::port() const {
  // sin_port and sin6_port lie at the same place.
  return is_ip() ? ntohs(ip_.v4.sin_port) : 0;
}

void Address::set_port(uint16_t port) {
  if (is_ip()) ip_.v4.sin_port = htons(port);
}

std::span<const uint8_t> Address::ip_bytes() const {
  switch (family()) {
    case Family::ipv4:
      return {reinterpret_cast<const uint8_t*>(&ip_.v4.sin_addr), 4};
    case Family::ipv6:
      return {reinterpret_cast<const uint8_t*>(&ip_.v6.sin6_addr), 16};
    default:
      return {};
  }
}

std::string_view Address::unix_path() const {
  if (!path_) return {};
  std::string_view name(path_->sun_path, size_ - unix_header);
  bool abstract = name.front() == '\0';
  return abstract ? name : name.substr(0, name.find('\0'));
}

char* Address::format(char* out, bool with_port) const {
  switch (family()) {
    case Family::ipv4:
      out = format_ipv4(out, ip_bytes());
      break;
    case Family::ipv6:
      if (with_port) *out++ = '[';
      out = format_ipv6(out, ip_bytes());
      if (with_port) *out++ = ']';
      break;
    case Family::unix: {
      std::string_view path = unix_path();
      out = append(out, "unix:");
      if (path.empty()) return out;
      // Abstract names, whose first byte is 0, show nothing in nginx.
      return path.front() ? append(out, path) : out;
    }
    case Family::none:
      return out;
  }
  if (with_port) {
    *out++ = ':';
    out = format_decimal(out, port());
  }
  return out;
}

std::string Address::text(bool with_port) const {
  char text[max_text];
  return std::string(text, format(text, with_port));
}

bool Address::operator==(const Address& other) const {
  if (family() == Family::ipv4 && other.family() == Family::ipv4) {
    return ip_.v4.sin_addr.s_addr == other.ip_.v4.sin_addr.s_addr &&
           ip_.v4.sin_port == other.ip_.v4.sin_port;
  }
  return same_host(other) && port() == other.port();
}

bool Address::is_loopback() const {
  if (family() == Family::ipv4) return ip_bytes()[0] == 127;
  if (family() != Family::ipv6) return false;
  const in6_addr& ip = ip_.v6.sin6_addr;
  if (IN6_IS_ADDR_V4MAPPED(&ip)) return ip.s6_addr[12] == 127;
  return IN6_IS_ADDR_LOOPBACK(&ip);
}

bool Address::same_host(const Address& other) const {
  if (family() != other.family()) return false;
  return is_ip() ? std::ranges::equal(ip_bytes(), other.ip_bytes())
                 : unix_path() == other.unix_path();
}

}  // namespace sluice::net
