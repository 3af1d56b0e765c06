#pragma once

#include "proxy/module.h"

namespace sluice {

/// Range requests (RFC 9110, 14): 206 with one part or multipart/byteranges, 416, If-Range.
extern const Module http_range;

}  // namespace sluice
