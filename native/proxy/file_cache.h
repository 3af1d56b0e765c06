#pragma once

#include <string_view>

#include "proxy/found_file.h"

namespace sluice {

struct CoreConf;

/// Opens a file to be sent, by open_file_cache where that is configured. A NUL follows the path.
FoundFile find_file(const CoreConf& core, std::string_view path);

/// Asks whether there is a file or a directory of that name. A NUL follows the path.
FoundFile test_file(const CoreConf& core, std::string_view path);

}  // namespace sluice
