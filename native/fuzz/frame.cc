#include <cstdlib>
#include <memory>

#include "net/flow_director.h"

// What a device brings goes to this worker, another one or nobody, whatever it is.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using sluice::net::FlowBoard;
  using sluice::net::FlowDirector;
  // 8 MB, which no stack has room for.
  static const std::unique_ptr<FlowBoard> board = [] {
    auto made = std::make_unique<FlowBoard>();
    made->version = FlowBoard::current_version;
    made->shifts = 4;
    made->key = 4711;
    made->incarnations[0] = made->incarnations[1] = 1;
    made->workers[0] = 7;
    made->workers[1] = 2;
    return made;
  }();
  FlowDirector director(*board, {.shift = 0, .worker = 3}, false);
  int owner = director.owner_of({data, size});
  bool known = owner == FlowDirector::here || owner == FlowDirector::nobody;
  if (!known && (owner < 0 || owner > 6)) std::abort();
  return 0;
}
