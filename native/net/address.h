#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace sluice::net {

enum class Family : uint8_t { none, ipv4, ipv6, unix };

/// The address of a socket. Takes 48 bytes: a unix socket's path, which may need 108, lies apart
/// and is shared by copies.
class Address {
 public:
  Address() { ip_.any.sa_family = AF_UNSPEC; }
  /// From what the kernel filled in. An unknown family gives an empty address.
  Address(const sockaddr* address, socklen_t length);

  /// `127.0.0.1:80`, `[::1]:80`, `unix:/path`, `unix:@abstract`; without a port it is
  /// `default_port`. Names aren't resolved.
  static std::optional<Address> parse(std::string_view text, uint16_t default_port = 0);
  /// 4 or 16 bytes in network order.
  static std::optional<Address> from_ip(std::span<const uint8_t> bytes, uint16_t port);

  Family family() const;
  bool empty() const { return family() == Family::none; }
  bool is_ip() const { return family() == Family::ipv4 || family() == Family::ipv6; }
  /// 127.0.0.0/8, ::1, or the former written as IPv6.
  bool is_loopback() const;
  /// 0 for unix sockets.
  uint16_t port() const;
  void set_port(uint16_t port);
  /// 4 or 16 bytes in network order; none for unix sockets.
  std::span<const uint8_t> ip_bytes() const;
  /// Empty for an unnamed socket and for IP.
  std::string_view unix_path() const;

  const sockaddr* data() const {
    return path_ ? reinterpret_cast<const sockaddr*>(path_.get()) : &ip_.any;
  }
  socklen_t size() const { return size_; }

  /// The most that the following write: `unix:` and a whole path.
  static constexpr size_t max_text = 5 + sizeof(sockaddr_un::sun_path);
  /// As nginx prints it: `127.0.0.1`, `::1` (in `[…]` when with a port), `unix:/path`, `unix:`.
  /// Returns the end.
  char* format(char* out, bool with_port) const;
  std::string text(bool with_port = true) const;

  bool operator==(const Address& other) const;
  /// The same, ports aside.
  bool same_host(const Address& other) const;

 private:
  union {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6;
  } ip_ = {};
  socklen_t size_ = 0;
  std::shared_ptr<const sockaddr_un> path_;
};
static_assert(sizeof(Address) <= 48);

}  // namespace sluice::net
