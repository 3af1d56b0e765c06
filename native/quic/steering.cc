#include "quic/steering.h"

#include <linux/filter.h>
#include <sys/socket.h>

#include <iterator>

namespace sluice::quic {
namespace {

/// Where the worker's number is in a connection ID.
constexpr uint32_t worker_at = ConnectionIdScheme::size - 4;
/// RFC 8999, 5: where connection IDs begin.
constexpr uint32_t short_id = 1, long_id_size = 5, long_id = 6;
/// No socket has that position: the kernel chooses by the addresses.
constexpr uint32_t nobody = UINT32_MAX;

sock_filter load(uint16_t size, uint32_t at) {
  return BPF_STMT(uint16_t(BPF_LD | size | BPF_ABS), at);
}
sock_filter answer() { return BPF_STMT(BPF_RET | BPF_A, 0); }
sock_filter if_equal(uint32_t value, uint8_t yes, uint8_t no) {
  return BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, yes, no);
}

}  // namespace

bool steer_by_connection_id(int descriptor, const ConnectionIdScheme& scheme) {
  if (scheme.encrypted()) return false;
  uint32_t first = scheme.first_octet();
  // A packet too short for a load goes to the first worker.
  sock_filter code[] = {
      /* 0 */ load(BPF_B, 0),
      /* 1 */ BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x80, 4, 0),
      /* 2 */ load(BPF_B, short_id),
      /* 3 */ if_equal(first, 0, 8),
      /* 4 */ load(BPF_H, short_id + worker_at),
      /* 5 */ answer(),
      /* 6 */ load(BPF_B, long_id_size),
      /* 7 */ if_equal(ConnectionIdScheme::size, 0, 4),
      /* 8 */ load(BPF_B, long_id),
      /* 9 */ if_equal(first, 0, 2),
      /* 10 */ load(BPF_H, long_id + worker_at),
      /* 11 */ answer(),
      /* 12 */ BPF_STMT(BPF_RET | BPF_K, nobody),
  };
  sock_fprog filter = {.len = uint16_t(std::size(code)), .filter = code};
  return ::setsockopt(descriptor, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &filter, sizeof filter) ==
         0;
}

}  // namespace sluice::quic
