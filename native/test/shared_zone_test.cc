#include "base/shared_zone.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <map>
#include <random>
#include <vector>

#include "test/check.h"

namespace sluice {
namespace {

struct Node {
  uint64_t value;
  Offset<Node> next;
};

/// Runs `body` in a process of its own; how that ended, as waitpid() has it.
template <typename Body>
int in_child(Body body) {
  pid_t child = ::fork();
  if (child == 0) {
    body();
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return status;
}

TEST("zone: what one process puts in, another finds at another address") {
  Descriptor memory = SharedZone::create("zone", 65536);
  auto zone = SharedZone::map(memory);
  CHECK(zone.has_value());
  if (!zone) return;
  int status = in_child([&] {
    auto mine = SharedZone::map(memory);
    SharedZone::Lock lock(*mine);
    Offset<Node> first = mine->make<Node>();
    mine->at(first)->value = 42;
    mine->at(first)->next = mine->make<Node>();
    mine->at(mine->at(first)->next)->value = 43;
    mine->set_root(first.value);
  });
  CHECK_EQUAL(status, 0);
  SharedZone::Lock lock(*zone);
  CHECK(!lock.owner_died());
  const Node* first = zone->at(Offset<Node>{zone->root()});
  CHECK_EQUAL(first->value, 42u);
  CHECK_EQUAL(zone->at(first->next)->value, 43u);
}

TEST("zone: a process killed inside the lock doesn't stop the others, who are told") {
  Descriptor memory = SharedZone::create("zone", 65536);
  auto zone = SharedZone::map(memory);
  int status = in_child([&] {
    SharedZone::Lock lock(*zone);
    zone->allocate(100);
    ::kill(::getpid(), SIGKILL);
  });
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  {
    SharedZone::Lock lock(*zone);
    CHECK(lock.owner_died());
    CHECK(zone->allocate(100) != 0);
  }
  SharedZone::Lock lock(*zone);
  CHECK(!lock.owner_died());
}

TEST("zone: workers killed at any moment leave a working allocator") {
  Descriptor memory = SharedZone::create("zone", 1 << 20);
  auto zone = SharedZone::map(memory);
  std::mt19937 random(3);
  for (int round = 0; round < 12; ++round) {
    pid_t child = ::fork();
    if (child == 0) {
      for (unsigned i = 0;; ++i) {
        SharedZone::Lock lock(*zone);
        uint64_t piece = zone->allocate(16 << (i % 5));
        if (piece) zone->free(piece, 16 << (i % 5));
      }
    }
    ::usleep(500 + random() % 1500);
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    SharedZone::Lock lock(*zone);
    uint64_t first = zone->allocate(64), second = zone->allocate(64);
    CHECK(first && second && first != second);
    zone->free(first, 64);
    zone->free(second, 64);
  }
}

TEST("zone: pieces never overlap, are zeroed, and come back") {
  Descriptor memory = SharedZone::create("zone", 256 * 1024);
  auto zone = SharedZone::map(memory);
  SharedZone::Lock lock(*zone);
  size_t before = zone->free_bytes();
  std::mt19937 random(11);
  std::map<uint64_t, size_t> pieces;
  int wrong = 0;
  for (int i = 0; i < 20000; ++i) {
    if (random() % 5 < 3) {
      size_t size = 1 + random() % 500;
      uint64_t offset = zone->allocate(size);
      if (!offset) continue;
      auto next = pieces.lower_bound(offset);
      wrong += next != pieces.end() && offset + size > next->first;
      wrong += next != pieces.begin() && std::prev(next)->first + std::prev(next)->second > offset;
      wrong += offset % 16 != 0;
      auto* bytes = static_cast<unsigned char*>(zone->address(offset, size));
      for (size_t b = 0; b < size; ++b) wrong += bytes[b] != 0;
      std::fill(bytes, bytes + size, 0xff);
      pieces[offset] = size;
    } else if (!pieces.empty()) {
      auto piece = pieces.begin();
      std::advance(piece, random() % std::min<size_t>(pieces.size(), 20));
      zone->free(piece->first, piece->second);
      pieces.erase(piece);
    }
  }
  for (auto [offset, size] : pieces) zone->free(offset, size);
  CHECK_EQUAL(wrong, 0);
  CHECK_EQUAL(zone->free_bytes(), before);
}

TEST("zone: a full zone says so, and larger free pieces serve smaller ones") {
  Descriptor memory = SharedZone::create("zone", 64 * 1024);
  auto zone = SharedZone::map(memory);
  SharedZone::Lock lock(*zone);
  CHECK_EQUAL(zone->allocate(1 << 20), 0u);
  std::vector<uint64_t> pages;
  while (uint64_t page = zone->allocate(4096)) pages.push_back(page);
  CHECK(pages.size() >= 14);
  while (zone->allocate(16)) {
  }
  for (uint64_t page : pages) zone->free(page, 4096);
  size_t small = 0;
  while (zone->allocate(64)) ++small;
  CHECK_EQUAL(small, pages.size() * 64);
}

TEST("zone: foreign memory and offsets outside are refused") {
  Descriptor tiny(::memfd_create("tiny", 0));
  CHECK(!SharedZone::map(tiny));
  Descriptor foreign = SharedZone::create("foreign", 65536);
  CHECK_EQUAL(::pwrite(foreign.get(), "something else", 14, 0), 14);
  CHECK(!SharedZone::map(foreign));
  Descriptor memory = SharedZone::create("zone", 65536);
  auto zone = SharedZone::map(memory);
  CHECK(zone->address(0, 1) == nullptr);
  CHECK(zone->address(65536, 1) == nullptr);
  CHECK(zone->address(65530, 7) == nullptr);
  CHECK(zone->address(UINT64_MAX, 2) == nullptr);
}

}  // namespace
}  // namespace sluice
