#pragma once

#include <memory>
#include <string_view>

#include "proxy/plan.h"

namespace sluice {

class Exchange;
class Runtime;
struct Server;

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
  /// `host`: lower case, without port. With an exchange, captures of an expression are kept in it.
  const Server& find(std::string_view host, Exchange* exchange) const;

 private:
  struct Index;
  const Server* default_ = nullptr;
  std::unique_ptr<Index> index_;
};

}  // namespace sluice
