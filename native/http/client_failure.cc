#include "http/client_failure.h"

#include "tls/agreement.h"

namespace sluice::http {

ClientFailure::ClientFailure(const ConnectionFacts& connection, int errno_told)
    : error(errno_told) {
  const tls::Agreement* agreement = connection.tls ? connection.tls->agreement.get() : nullptr;
  if (!agreement || agreement->failure.empty()) return;
  text = agreement->failure;
  error = 0;
  if (agreement->failure_is_ours) level = LogLevel::crit;
}

}  // namespace sluice::http
