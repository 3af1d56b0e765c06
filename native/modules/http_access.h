#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "proxy/module.h"

namespace sluice {

/// `allow` and `deny`: https://nginx.org/en/docs/http/ngx_http_access_module.html
struct AccessConf : ModuleConf {
  static constexpr ModuleId id = ModuleId::http_access;

  /// An address block in network order: it holds the addresses that agree with `address` under
  /// `mask`.
  template <size_t size>
  struct Rule {
    std::array<uint8_t, size> address{};
    std::array<uint8_t, size> mask{};
    bool deny = false;

    bool holds(std::span<const uint8_t> bytes) const;
  };
  /// Each in order of appearance; a client is judged by its own family's rules alone.
  std::vector<Rule<4>> ipv4;
  std::vector<Rule<16>> ipv6;
  std::vector<Rule<0>> unix;
};

extern const Module http_access;

}  // namespace sluice
