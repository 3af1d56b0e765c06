#include "tls/early_data_limit.h"

#include "test/check.h"

namespace sluice::tls {
namespace {

using Change = EarlyDataLimit::Change;

TEST("early data: first uses are limited by the second") {
  EarlyDataLimit limit;
  Change change;
  uint32_t noted = 0;
  for (; limit.admit(7, change) && noted < 5000; ++noted) limit.settle(true);
  CHECK_EQUAL(noted, EarlyDataLimit::most_a_second);
  CHECK(change == Change::begins);
  CHECK(!limit.admit(7, change) && change == Change::none);
  CHECK(limit.admit(8, change) && change == Change::none);
}

TEST("early data: what takes no room is forgotten") {
  EarlyDataLimit limit;
  Change change;
  for (uint32_t i = 0; i < 3 * EarlyDataLimit::most_a_second; ++i) {
    CHECK(limit.admit(7, change));
    limit.settle(false);
  }
}

TEST("early data: what waits for the store is limited, however long it does") {
  EarlyDataLimit limit;
  Change change;
  uint32_t asked = 0;
  for (int64_t now = 7; limit.admit(now, change) && asked < 5000; ++now) ++asked;
  CHECK_EQUAL(asked, EarlyDataLimit::most_asked);
  CHECK(change == Change::begins);
  limit.settle(false);
  CHECK(limit.admit(1000, change));
}

TEST("early data: the end is told once it has been quiet") {
  EarlyDataLimit limit;
  Change change;
  for (uint32_t i = 0; i <= EarlyDataLimit::most_asked; ++i) limit.admit(7, change);
  CHECK(change == Change::begins);
  limit.settle(false);
  limit.settle(false);
  CHECK(limit.admit(7 + EarlyDataLimit::quiet_seconds - 1, change) && change == Change::none);
  CHECK(limit.admit(7 + EarlyDataLimit::quiet_seconds, change) && change == Change::ends);
}

}  // namespace
}  // namespace sluice::tls
