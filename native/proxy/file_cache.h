#pragma once

#include <string_view>

#include "proxy/found_file.h"

namespace sluice {

class Exchange;

/// Opens a file to be sent, by open_file_cache where that is configured, and under
/// disable_symlinks. A NUL follows the path.
FoundFile find_file(Exchange& exchange, std::string_view path);

/// Asks whether there is a file or a directory of that name. A NUL follows the path.
FoundFile test_file(Exchange& exchange, std::string_view path);

/// What disable_symlinks says of a path here.
SymlinkRule symlink_rule(Exchange& exchange, std::string_view path);

}  // namespace sluice
