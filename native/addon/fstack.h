#pragma once

#include <memory>

#include "addon/fstack_thread.h"

namespace sluice::addon {

/// What startFstack() has started, for the data plane to run on; null if nothing was.
std::unique_ptr<FstackThread> take_fstack_thread();

}  // namespace sluice::addon
