#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sluice {

/// The bytes as one gzip member (RFC 1952). `level`: 1 (fast) to 9. Nothing when zlib can't.
std::optional<std::string> gzip(std::string_view bytes, int level);

}  // namespace sluice
