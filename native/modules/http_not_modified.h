#pragma once

#include "proxy/module.h"

namespace sluice {

/// Conditional requests (RFC 9110, 13) as nginx judges them: 304 and 412.
extern const Module http_not_modified;

}  // namespace sluice
