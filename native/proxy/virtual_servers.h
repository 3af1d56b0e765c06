#pragma once

#include <memory>
#include <string_view>

#include "proxy/plan.h"

namespace sluice {

class Exchange;
class Runtime;
struct Server;
namespace http {
struct ConnectionFacts;
}

/// Which server answers for a name: exact, longest `*.suffix`, longest `prefix.*`, expressions in
/// order, default.
class VirtualServers {
 public:
  VirtualServers();
  ~VirtualServers();
  VirtualServers(VirtualServers&&) noexcept;
  VirtualServers& operator=(VirtualServers&&) noexcept;

  static VirtualServers read(Runtime& runtime, const plan::Node& node);

  const Server& fallback() const { return *default_; }
  /// As find(), but null when nobody is called so.
  const Server* match(std::string_view host, Exchange* exchange) const;
  /// `host`: lower case, without port. With an exchange, captures of an expression are kept in it.
  const Server& find(std::string_view host, Exchange* exchange) const;

 private:
  struct Index;
  const Server* default_ = nullptr;
  std::unique_ptr<Index> index_;
};

/// Whose settings a connection has until a request names a host: the server of its TLS hello, else
/// the default one.
const Server& initial_server(const http::ConnectionFacts& connection);
/// Who answers a request for `host`; as VirtualServers::find(), but a name that nobody has is left
/// to the initial server.
const Server& requested_server(const http::ConnectionFacts& connection, std::string_view host,
                               Exchange* exchange);

}  // namespace sluice
