#include "base/counters.h"

#include <memory>

namespace sluice {

#define SLUICE_COUNTER(member, section, name, meaning) \
  Counters::Description{&Counters::member, #section, #name, meaning, false},
#define SLUICE_GAUGE(member, section, name, meaning) \
  Counters::Description{&Counters::member, #section, #name, meaning, true},
constinit const std::array<Counters::Description, Counters::count> Counters::descriptions = {
    SLUICE_COUNTERS(SLUICE_COUNTER, SLUICE_GAUGE)};
#undef SLUICE_COUNTER
#undef SLUICE_GAUGE

Counters& Counters::of_thread() {
  thread_local const std::unique_ptr<Counters> own = std::make_unique<Counters>();
  return *own;
}

}  // namespace sluice
