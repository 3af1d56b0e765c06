#pragma once

#include <cstdint>
#include <string_view>

#include "base/file.h"

namespace sluice {

/// `disable_symlinks`: https://nginx.org/en/docs/http/ngx_http_core_module.html#disable_symlinks
struct SymlinkRule {
  enum class Check : uint8_t { off, on, if_not_owner };
  Check check = Check::off;
  size_t trusted = 0;  ///< how much of a path isn't checked (`from=`); a slash follows it

  bool operator==(const SymlinkRule&) const = default;
};

/// open(2) that refuses symbolic links in the path: it goes down directory by directory, so that
/// nobody can put one there meanwhile. An invalid descriptor, with errno set, where it fails:
/// ELOOP, ENOTDIR for a link. A NUL follows the path.
Descriptor open_without_symlinks(std::string_view path, int flags, const SymlinkRule& rule);

}  // namespace sluice
