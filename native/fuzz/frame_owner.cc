#include "net/frame_owner.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  int owner =
      sluice::net::owner_of_frame({data, size}, {.first = 20'000, .each = 5'000, .workers = 7});
  if (owner < -1 || owner > 6) std::abort();
  return 0;
}
