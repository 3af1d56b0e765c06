#include "base/arena.h"

#include <string>

#include "base/block_pool.h"
#include "test/check.h"

namespace sluice {
namespace {

TEST("arena: pieces don't overlap and are aligned") {
  Arena arena;
  char* odd = static_cast<char*>(arena.allocate(3, 1));
  auto* number = static_cast<uint64_t*>(arena.allocate(8, 8));
  CHECK_EQUAL(reinterpret_cast<uintptr_t>(number) % 8, 0u);
  odd[0] = odd[1] = odd[2] = 'x';
  *number = 7;
  CHECK_EQUAL(std::string_view(odd, 3), "xxx");
}

TEST("arena: text survives the taking of many blocks and of big pieces") {
  Arena arena;
  std::string_view first = arena.copy("first");
  std::string big(100000, 'b');
  std::string_view copy = arena.copy(big);
  for (int i = 0; i < 1000; ++i) arena.copy("some more text that fills blocks");
  CHECK_EQUAL(first, "first");
  CHECK(copy == big);
}

TEST("arena: a big piece doesn't waste the block in use") {
  Arena arena;
  char* before = static_cast<char*>(arena.allocate(1, 1));
  arena.allocate(5000, 1);
  char* after = static_cast<char*>(arena.allocate(1, 1));
  CHECK_EQUAL(after - before, 1);
}

TEST("arena: the unused end of the last text is taken again") {
  Arena arena;
  std::span<char> room = arena.text(100);
  std::string_view text = arena.trim(room, 10);
  CHECK_EQUAL(text.size(), 10u);
  CHECK(static_cast<char*>(arena.allocate(1, 1)) == text.data() + 10);
}

TEST("arena: destructors run on reset, the last object first") {
  static std::string order;
  order.clear();
  struct Noisy {
    explicit Noisy(char name) : name(name) {}
    ~Noisy() { order += name; }
    char name;
  };
  Arena arena;
  arena.make<Noisy>('a');
  arena.make<Noisy>('b');
  arena.reset();
  CHECK_EQUAL(order, "ba");
  arena.make<Noisy>('c');
  { Arena other = std::move(arena); }
  CHECK_EQUAL(order, "bac");
}

TEST("block pool: a block has the size asked for") {
  void* block = block_pool::take(BlockSize::k16);
  static_cast<char*>(block)[bytes_of(BlockSize::k16) - 1] = 'x';
  block_pool::give_back(block, BlockSize::k16);
  CHECK_EQUAL(bytes_of(block_size_for(4097)), 16384u);
}

}  // namespace
}  // namespace sluice
