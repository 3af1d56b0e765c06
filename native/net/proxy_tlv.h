#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice::net {

/// What became of looking for a TLV in a PROXY protocol header of version 2.
struct ProxyTlv {
  enum class Outcome : uint8_t {
    found,
    absent,
    unknown_name,
    invalid_type,  ///< `0x…` is no number
    broken,        ///< a length goes beyond the header
  };
  Outcome outcome = Outcome::absent;
  std::string_view value = {};
  std::optional<uint32_t> number = {};  ///< in place of `value`: ssl_verify
};

/// Finds a TLV by nginx's name for it: `alpn`, `authority`, `ssl_cn`, …, or `0x02`.
/// https://nginx.org/en/docs/http/ngx_http_core_module.html#var_proxy_protocol_tlv_
ProxyTlv find_proxy_tlv(std::string_view tlvs, std::string_view name);

}  // namespace sluice::net
