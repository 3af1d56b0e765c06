#pragma once

#include "proxy/module.h"

namespace sluice {

/// The $upstream_* variables; the groups themselves are proxy/upstream_group.h.
extern const Module http_upstream;

}  // namespace sluice
