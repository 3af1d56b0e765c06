#include "http/webtransport.h"

#include <algorithm>

#include "base/byte_order.h"
#include "base/bytes.h"

namespace sluice::http {

void tell(WebTransportSession& session, CapsuleType type, std::span<const uint8_t> payload) {
  constexpr size_t code_size = 4;
  if (type == CapsuleType::drain_webtransport_session) session.on_drain();
  if (type != CapsuleType::close_webtransport_session) return;
  auto code = payload.size() < code_size ? 0 : uint32_t(big_endian(payload.first(code_size)));
  session.on_close(code, as_text(payload.subspan(std::min(payload.size(), code_size))));
}

}  // namespace sluice::http
