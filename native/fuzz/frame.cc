#include <cstdlib>
#include <memory>

#include "net/flow_director.h"

// What a device brings goes to this worker, another one or nobody, whatever it is.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using sluice::net::FlowBoard;
  using sluice::net::FlowDirector;
  static const auto board =
      std::make_unique<FlowBoard>(FlowBoard{.version = FlowBoard::current_version,
                                            .shifts = 4,
                                            .key = 4711,
                                            .incarnations = {1, 1},
                                            .workers = {7, 2}});
  FlowDirector director(*board, {.shift = 0, .worker = 3}, false);
  int owner = director.owner_of({data, size});
  bool known = owner == FlowDirector::here || owner == FlowDirector::nobody;
  if (!known && (owner < 0 || owner > 6)) std::abort();
  return 0;
}
