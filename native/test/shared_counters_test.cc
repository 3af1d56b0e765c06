#include "base/shared_counters.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "test/check.h"

namespace sluice {
namespace {

/// A worker that has counted, and ends by `end`.
void work(const Descriptor& memory, bool killed) {
  pid_t child = ::fork();
  if (child == 0) {
    std::unique_ptr<SharedCounters> shared = SharedCounters::join(memory.get());
    Counters own;
    own.requests = 10;
    own.active = 3;
    shared->publish(own);
    if (killed) ::raise(SIGKILL);
    shared.reset();
    ::_exit(0);
  }
  ::waitpid(child, nullptr, 0);
}

TEST("counters: all workers' are summed, and outlive those who counted; states do not") {
  Descriptor memory = SharedZone::create("counters", 65536);
  std::unique_ptr<SharedCounters> shared = SharedCounters::join(memory.get());
  CHECK(shared != nullptr);
  if (!shared) return;
  work(memory, false);
  work(memory, true);
  Counters own;
  own.requests = 1;
  own.active = 1;
  CHECK_EQUAL(shared->sum(own).requests, 21u);
  CHECK_EQUAL(shared->sum(own).active, 1u);
}

TEST("counters: a thousand workers one after the other need few places") {
  Descriptor memory = SharedZone::create("counters", 8192);
  std::unique_ptr<SharedCounters> shared = SharedCounters::join(memory.get());
  for (int i = 0; i < 200; ++i) work(memory, i % 2 == 0);
  CHECK_EQUAL(shared->sum({}).requests, 2000u);
}

TEST("counters: memory that somebody else counts in is left alone") {
  Descriptor memory = SharedZone::create("counters", 8192);
  auto zone = SharedZone::map(memory);
  {
    SharedZone::Lock lock(*zone);
    zone->set_root(zone->allocate(4096));
  }
  CHECK(SharedCounters::join(memory.get()) == nullptr);
}

}  // namespace
}  // namespace sluice
