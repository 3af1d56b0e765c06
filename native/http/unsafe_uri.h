#pragma once

#include <optional>
#include <string_view>

#include "base/arena.h"

namespace sluice::http {

struct UnsafeUri {
  std::string_view path;  ///< decoded
  std::string_view args;
};

/// A URI that somebody else sends us to (X-Accel-Redirect, an SSI include), taken apart. Nothing
/// when nginx would call it unsafe: it is empty, or has a `..` segment or a NUL.
std::optional<UnsafeUri> parse_unsafe_uri(std::string_view text, Arena& arena);

}  // namespace sluice::http
