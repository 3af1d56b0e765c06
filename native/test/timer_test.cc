#include "base/timer.h"

#include <memory>
#include <random>
#include <vector>

#include "test/check.h"

namespace sluice {
namespace {

struct Alarm {
  Alarm() { timer.bind<&Alarm::ring>(this); }
  void ring() {
    rung_at = TimerWheel::of_thread().now();
    ++rings;
    if (again) timer.set(again);
  }
  Timer timer;
  uint64_t rung_at = 0;
  uint64_t again = 0;
  int rings = 0;
};

/// Sleeps as an event loop would, until `end`.
void sleep_until(TimerWheel& wheel, uint64_t end) {
  while (wheel.now() < end) {
    int timeout = wheel.next_timeout();
    uint64_t next = timeout < 0 ? end : wheel.now() + timeout;
    wheel.update(next < end ? next : end);
    wheel.advance();
  }
}

TEST("timer: fires exactly at its deadline, however far away") {
  TimerWheel wheel(123456789);
  for (uint64_t wait : {1ull, 63ull, 64ull, 65ull, 4095ull, 4096ull, 60000ull, 262144ull,
                        3600000ull, 16777216ull, 40000000ull, 5000000000ull}) {
    Alarm alarm;
    alarm.timer.set(wait);
    uint64_t deadline = wheel.now() + wait;
    sleep_until(wheel, deadline + 10);
    CHECK_EQUAL(alarm.rings, 1);
    CHECK_EQUAL(alarm.rung_at, deadline);
  }
}

TEST("timer: many random timers all fire on time") {
  TimerWheel wheel(1);
  std::mt19937 random(7);
  std::vector<std::unique_ptr<Alarm>> alarms;
  std::vector<uint64_t> deadlines;
  for (int i = 0; i < 2000; ++i) {
    alarms.push_back(std::make_unique<Alarm>());
    uint64_t wait = 1 + random() % (uint64_t{1} << (1 + random() % 25));
    alarms.back()->timer.set(wait);
    if (i % 3 == 0) alarms.back()->timer.set(wait = 1 + random() % 100000);  // moved either way
    deadlines.push_back(wheel.now() + wait);
    if (i % 10 == 0) {
      wheel.update(wheel.now() + random() % 5);
      wheel.advance();
    }
  }
  sleep_until(wheel, 40000000);
  int late = 0;
  for (size_t i = 0; i < alarms.size(); ++i) {
    late += alarms[i]->rings != 1 || alarms[i]->rung_at < deadlines[i] ||
            alarms[i]->rung_at > deadlines[i] + 5;
  }
  CHECK_EQUAL(late, 0);
  CHECK_EQUAL(wheel.next_timeout(), -1);
}

TEST("timer: pushing the deadline later fires once, at the later time") {
  TimerWheel wheel(1000);
  Alarm alarm;
  alarm.timer.set(100);
  for (int i = 0; i < 50; ++i) {
    sleep_until(wheel, wheel.now() + 50);
    alarm.timer.set(100);
  }
  CHECK_EQUAL(alarm.rings, 0);
  uint64_t deadline = wheel.now() + 100;
  sleep_until(wheel, deadline + 500);
  CHECK_EQUAL(alarm.rings, 1);
  CHECK_EQUAL(alarm.rung_at, deadline);
}

TEST("timer: time spent waiting counts, not the wheel's last turn") {
  TimerWheel wheel(0);
  wheel.update(30000);  // a wait of 30 s ended by an event, whose handler sets a timer
  Alarm alarm;
  alarm.timer.set(1000);
  wheel.advance();
  CHECK_EQUAL(alarm.rings, 0);
  CHECK_EQUAL(alarm.timer.remaining(), 1000u);
  sleep_until(wheel, 40000);
  CHECK_EQUAL(alarm.rung_at, 31000u);
}

TEST("timer: a cancelled or destroyed timer doesn't fire") {
  TimerWheel wheel(5);
  Alarm cancelled;
  cancelled.timer.set(10);
  cancelled.timer.cancel();
  CHECK(!cancelled.timer.active());
  {
    Alarm destroyed;
    destroyed.timer.set(10);
  }
  sleep_until(wheel, 100);
  CHECK_EQUAL(cancelled.rings, 0);
}

TEST("timer: a callback may set its timer again, and destroy others of the same moment") {
  TimerWheel wheel(5);
  struct Killer {
    Killer() { timer.bind<&Killer::kill>(this); }
    void kill() { victim.reset(); }
    Timer timer;
    std::unique_ptr<Alarm> victim = std::make_unique<Alarm>();
  };
  // Whichever of the two comes first, nothing that is gone may be called.
  Killer first, second;
  first.victim->timer.set(10);
  first.timer.set(10);
  second.timer.set(10);
  second.victim->timer.set(10);
  Alarm repeating;
  repeating.again = 7;
  repeating.timer.set(7);
  sleep_until(wheel, 5 + 70);
  CHECK_EQUAL(repeating.rings, 10);
}

}  // namespace
}  // namespace sluice
