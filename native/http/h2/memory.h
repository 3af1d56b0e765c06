#pragma once

#include <nghttp2/nghttp2.h>

namespace sluice::h2 {

/// Where this thread's sessions take their memory: what comes and goes with every stream and frame
/// is small, and kept for the next one. Sessions may outlive none of it: it goes with the process.
nghttp2_mem& memory();

}  // namespace sluice::h2
