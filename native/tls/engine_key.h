#pragma once

#include <string>
#include <string_view>

#include "tls/openssl.h"

namespace sluice::tls {

/// The key that a directive calls `engine:NAME:ID`; `said` is what follows the first colon. Null
/// with `error`: the call that failed.
KeyPtr load_engine_key(std::string_view said, std::string& error);

}  // namespace sluice::tls
