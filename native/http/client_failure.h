#pragma once

#include <string_view>

#include "base/log.h"
#include "http/downstream.h"

namespace sluice::http {

/// Why a client's connection has failed, for the log: in TLS's words, or by the errno.
struct ClientFailure {
  /// The text is the connection's.
  ClientFailure(const ConnectionFacts& connection, int errno_told);

  std::string_view text = "recv() failed";
  int error;  ///< 0: the text says it all
  LogLevel level = LogLevel::info;
};

}  // namespace sluice::http
