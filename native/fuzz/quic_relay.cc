// Messages between processes and hosts: what is read is written the same way, and no further.

#include <algorithm>

#include "fuzz/split.h"
#include "quic/relayed_packets.h"

using namespace sluice;
using namespace sluice::quic;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Exact exact({reinterpret_cast<const char*>(data), size});
  std::span<const uint8_t> rest(reinterpret_cast<const uint8_t*>(exact.view().data()), size);
  while (!rest.empty()) {
    std::span<const uint8_t> before = rest;
    auto packet = take_relayed(rest);
    if (!packet) break;
    std::vector<uint8_t> written;
    FUZZ_REQUIRE(append_relayed(written, packet->datagram()));
    FUZZ_REQUIRE(written.size() == before.size() - rest.size());
    std::span<const uint8_t> again(written);
    auto back = take_relayed(again);
    FUZZ_REQUIRE(back && again.empty() && back->remote == packet->remote);
    FUZZ_REQUIRE(back->local == packet->local && back->ecn == packet->ecn);
    FUZZ_REQUIRE(std::ranges::equal(back->bytes, packet->bytes));
  }
  return 0;
}
