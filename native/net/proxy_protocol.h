#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "net/address.h"

namespace sluice::net {

/// What a PROXY protocol header (haproxy's proxy-protocol.txt, versions 1 and 2) says of the
/// connection behind it.
struct ProxyHeader {
  std::optional<Address> source;  ///< absent: UNKNOWN, LOCAL, or a family that isn't IP
  std::optional<Address> destination;
  std::string tlvs;  ///< what version 2 adds, undecoded (net/proxy_tlv.h)
};

enum class ProxyHeaderResult : uint8_t { complete, incomplete, invalid };

/// No header is longer: 107 bytes of version 1; of version 2, what one read brings.
constexpr size_t max_proxy_header = 4096;

/// Reads a header from the front of `bytes`; `size` is its length when complete.
ProxyHeaderResult parse_proxy_header(std::string_view bytes, ProxyHeader& header, size_t& size);

}  // namespace sluice::net
