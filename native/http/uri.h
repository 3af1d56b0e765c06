#pragma once

#include <optional>
#include <string_view>

#include "base/arena.h"

namespace sluice::http {

/// A request target without scheme and authority, taken apart; all undecoded.
struct UriParts {
  std::string_view path;
  std::string_view query;  ///< between `?` and `#`
  bool has_query = false;
};
UriParts split_uri(std::string_view uri);

struct NormalPath {
  std::string_view path;       ///< decoded, without `.` and `..` segments ($uri)
  std::string_view extension;  ///< after the last dot of the last segment; empty if none
  bool quoted = false;         ///< there were percent-encoded octets
  bool has_plus = false;
};

/// nginx's normal form of a path: percent-encoded octets decoded, dot segments resolved, and with
/// `merge_slashes` runs of slashes made one. A path that is in normal form already is returned as
/// it is, without a copy. Nothing when the path leaves the root, holds NUL, or an incomplete
/// escape: answer 400.
std::optional<NormalPath> normalize_path(std::string_view path, bool merge_slashes, Arena& arena);

/// The part after the last dot of the last segment (not of a leading dot), as $uri's extension for
/// `types`.
std::string_view path_extension(std::string_view path);

}  // namespace sluice::http
