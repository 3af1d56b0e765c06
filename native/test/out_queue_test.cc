#include "net/out_queue.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "test/check.h"

namespace sluice::net {
namespace {

std::string contents(const OutQueue& queue) {
  iovec pieces[64];
  bool more = false;
  int count = queue.gather(pieces, more);
  std::string text;
  for (int i = 0; i < count; ++i) {
    text.append(static_cast<char*>(pieces[i].iov_base), pieces[i].iov_len);
  }
  return text;
}

int pieces_of(const OutQueue& queue) {
  iovec pieces[64];
  bool more = false;
  return queue.gather(pieces, more);
}

void put(OutQueue& queue, std::string_view text) {
  std::span<char> room = queue.prepare(text.size() + 100);
  std::memcpy(room.data(), text.data(), text.size());
  queue.commit(text.size());
}

TEST("out queue: borrowed and own bytes leave in order") {
  std::string body(100'000, 'b');
  OutQueue queue;
  put(queue, "head ");
  queue.borrow(body);
  put(queue, " tail");
  CHECK_EQUAL(contents(queue), "head " + body + " tail");
  CHECK_EQUAL(pieces_of(queue), 3);
  CHECK_EQUAL(queue.size(), body.size() + 10);
}

TEST("out queue: neighbours join, and what is small joins the block") {
  std::string body(1000, 'b');
  OutQueue queue;
  queue.borrow(std::span(body).first(400));
  queue.borrow(std::span(body).subspan(400));
  CHECK_EQUAL(pieces_of(queue), 1);
  put(queue, "one");
  put(queue, "two");
  queue.borrow(std::string_view("three"));
  CHECK_EQUAL(pieces_of(queue), 2);
  CHECK_EQUAL(contents(queue), body + "onetwothree");
}

TEST("out queue: borrowed bytes may change once they were copied") {
  std::string body(200000, 'b'), more(300, 'm');
  OutQueue queue;
  queue.borrow(body);
  queue.borrow(more);
  queue.own_borrowed();
  std::string wanted = body + more;
  std::fill(body.begin(), body.end(), '!');
  std::fill(more.begin(), more.end(), '!');
  CHECK(contents(queue) == wanted);
}

TEST("out queue: consuming in any steps gives every byte once") {
  for (size_t step : {1, 7, 64, 999, 5000}) {
    std::string wanted, body(300, 'x'), got;
    OutQueue queue;
    for (int i = 0; i < 10; ++i) {
      std::string text = "piece " + std::to_string(i);
      put(queue, text);
      queue.borrow(body);
      wanted += text + body;
    }
    while (!queue.empty()) {
      size_t take = std::min(step, queue.size());
      std::string now = contents(queue);
      take = std::min(take, now.size());
      got += now.substr(0, take);
      queue.consume(take);
    }
    CHECK(got == wanted);
    CHECK_EQUAL(pieces_of(queue), 0);
  }
}

TEST("out queue: a file stands between what was queued before and after it") {
  auto file = std::make_shared<const SharedFile>(Descriptor(::memfd_create("file", 0)));
  OutQueue queue;
  put(queue, "head");
  queue.add_file(file, 100, 50);
  put(queue, "tail");
  iovec pieces[8];
  bool more = false;
  CHECK_EQUAL(queue.gather(pieces, more), 1);
  CHECK(more);
  CHECK(queue.front_file().file == nullptr);
  CHECK_EQUAL(contents(queue), "head");
  queue.consume(4);
  CHECK_EQUAL(queue.front_file().offset, 100u);
  queue.consume(20);
  CHECK_EQUAL(queue.front_file().offset, 120u);
  CHECK_EQUAL(queue.front_file().length, 30u);
  CHECK_EQUAL(file.use_count(), 2);
  queue.consume(30);
  CHECK_EQUAL(file.use_count(), 1);
  CHECK_EQUAL(contents(queue), "tail");
}

TEST("out queue: room bigger than any block is given") {
  OutQueue queue;
  std::string big(1 << 20, 'g');
  put(queue, big);
  CHECK(contents(queue) == big);
  queue.clear();
  CHECK(queue.empty());
  queue.prepare(10);
  queue.commit(0);
  CHECK(queue.empty());
}

}  // namespace
}  // namespace sluice::net
