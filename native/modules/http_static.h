#pragma once

#include "proxy/module.h"

namespace sluice {

/// Serves files below `root` and `alias`.
extern const Module http_static;

}  // namespace sluice
