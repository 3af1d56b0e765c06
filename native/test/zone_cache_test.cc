#include "base/zone_cache.h"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <deque>
#include <random>
#include <utility>

#include "test/check.h"

namespace sluice {
namespace {

ZoneCache::Bytes bytes(const std::string& text) {
  return {reinterpret_cast<const unsigned char*>(text.data()), text.size()};
}

struct Cache {
  explicit Cache(size_t size)
      : memory(SharedZone::create("cache", size)),
        zone(*SharedZone::map(memory)),
        offset(lay_out()),
        cache(zone, offset) {}
  uint64_t lay_out() {
    SharedZone::Lock lock(zone);
    return ZoneCache::lay_out(zone);
  }
  std::string get(const std::string& key, int64_t now = 1) {
    std::string value;
    return cache.get(bytes(key), now, value) ? value : "(none)";
  }
  bool put(const std::string& key, const std::string& value, int64_t expires = 100) {
    return cache.put(bytes(key), bytes(value), expires);
  }

  Descriptor memory;
  SharedZone zone;
  uint64_t offset;
  ZoneCache cache;
};

TEST("zone cache: what was put is found, until its time is over or it is removed") {
  Cache cache(65536);
  CHECK_EQUAL(cache.get("a"), "(none)");
  CHECK(cache.put("a", "first"));
  CHECK(cache.put("b", "", 50));
  CHECK_EQUAL(cache.get("a"), "first");
  CHECK_EQUAL(cache.get("b"), "");
  CHECK(cache.put("a", "second"));
  CHECK_EQUAL(cache.get("a"), "second");
  CHECK_EQUAL(cache.get("b", 51), "(none)");
  cache.cache.remove(bytes("a"));
  CHECK_EQUAL(cache.get("a"), "(none)");
  CHECK(cache.put("a", "third"));
  CHECK_EQUAL(cache.get("a"), "third");
}

TEST("zone cache: a key is claimed once, and again when its time is over") {
  Cache cache(65536);
  CHECK(cache.cache.claim(bytes("x"), 1, 10));
  CHECK(!cache.cache.claim(bytes("x"), 5, 15));
  CHECK(cache.cache.claim(bytes("x"), 11, 20));
}

TEST("zone cache: a full one forgets the oldest, and nothing else") {
  Cache cache(32768);
  CHECK(!cache.put("huge", std::string(30000, 'x')));
  std::mt19937 random(5);
  std::deque<std::pair<std::string, std::string>> kept;
  size_t used = 0;
  int wrong = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string key = std::to_string(i) + std::string(random() % 32, 'k');
    std::string value(random() % 1000, char('a' + i % 26));
    wrong += !cache.put(key, value);
    used += key.size() + value.size() + 48;
    kept.emplace_back(key, value);
    // What surely still has room.
    while (used > 24000) {
      used -= kept.front().first.size() + kept.front().second.size() + 48;
      kept.pop_front();
    }
    const auto& [old_key, old_value] = kept[random() % kept.size()];
    wrong += cache.get(old_key) != old_value;
  }
  CHECK_EQUAL(wrong, 0);
  CHECK_EQUAL(cache.get("0"), "(none)");
}

TEST("zone cache: workers killed at any moment leave one that works") {
  Cache cache(32768);
  std::mt19937 random(7);
  int wrong = 0;
  for (int round = 0; round < 40; ++round) {
    pid_t child = ::fork();
    if (child == 0) {
      ZoneCache mine(cache.zone, cache.offset);
      for (unsigned i = 0;; ++i) {
        std::string key = std::to_string(i * 40 + unsigned(round));
        mine.put(bytes(key), bytes(std::string(i % 700, 'v')), 100);
        if (i % 3 == 0) mine.remove(bytes(key));
      }
    }
    ::usleep(300 + random() % 1500);
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    for (int i = 0; i < 20; ++i) {
      std::string key = "mine" + std::to_string(round) + "-" + std::to_string(i);
      std::string value(random() % 500, 'x');
      wrong += !cache.put(key, value);
      wrong += cache.get(key) != value;
    }
  }
  CHECK_EQUAL(wrong, 0);
}

}  // namespace
}  // namespace sluice
