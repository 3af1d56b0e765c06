#include "fuzz/data_plane.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <vector>

#include "fuzz/split.h"

namespace sluice::fuzz {

DataPlane& DataPlane::instance() {
  static DataPlane made;
  return made;
}

DataPlane::DataPlane() {
  std::ifstream file(std::getenv("FUZZ_PLAN"), std::ios::binary);
  plan_ = (std::ostringstream() << file.rdbuf()).str();
  DataThreadOptions options;
  options.plan = plan_;
  options.make_stack = [this] {
    auto made = net::KernelStack::create();
    stack_ = made.get();
    return std::unique_ptr<net::Stack>(std::move(made));
  };
  std::string error;
  thread_ = DataThread::create(options, error);
  FUZZ_REQUIRE(thread_);
}

net::StreamPtr DataPlane::connect(Descriptor& client) {
  int ends[2];
  FUZZ_REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
  client.reset(ends[0]);
  return stack_->adopt(Descriptor(ends[1]), *net::Address::parse("127.0.0.1:1"));
}

void DataPlane::turn() {
  net::Turn& turn = *stack_->shared_turn();
  turn.flush();
  turn.begin();
  stack_->poll_for(0);
  turn.finish();
}

}  // namespace sluice::fuzz

// --- Inside Node ---

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
extern "C" int LLVMFuzzerRunDriver(int* count, char*** arguments,
                                   int (*target)(const uint8_t*, size_t));

/// What Node calls when it has loaded the target: fuzzing, till it is done.
extern "C" __attribute__((visibility("default"))) void* napi_register_module_v1(void*, void*) {
  std::vector<std::string> words;
  std::istringstream text(std::getenv("FUZZ_ARGUMENTS"));
  for (std::string word; std::getline(text, word);) words.push_back(word);
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  // libFuzzer ends the process, and Node's own end isn't meant for that.
  ::on_exit([](int status, void*) { ::_exit(status); }, nullptr);
  int count = int(words.size());
  char** list = arguments.data();
  ::_exit(LLVMFuzzerRunDriver(&count, &list, LLVMFuzzerTestOneInput));
}
