#include <csignal>
#include <cstring>

#include "test/check.h"

namespace sluice::test {
namespace {

// Tests register before main(), in no promised order of files: these are there from the start.
Test* first = nullptr;
Test* last = nullptr;
std::string failures;

}  // namespace

Test::Test(const char* name, void (*body)()) : name(name), body(body) {
  (last ? last->next : first) = this;
  last = this;
}

void fail(const char* file, int line, const std::string& what) {
  failures += "# " + std::string(file) + ":" + std::to_string(line) + ": " + what + "\n";
}

/// Runs the tests whose name contains `wanted`; the number of failed ones.
int run(const char* wanted) {
  int number = 0, failed = 0;
  std::cout << "TAP version 13\n";
  for (Test* test = first; test; test = test->next) {
    if (!std::strstr(test->name, wanted)) continue;
    failures.clear();
    test->body();
    failed += !failures.empty();
    std::cout << (failures.empty() ? "ok " : "not ok ") << ++number << " - " << test->name << "\n"
              << failures << std::flush;
  }
  std::cout << "1.." << number << std::endl;
  return failed;
}

}  // namespace sluice::test

/// native-tests [PART OF A NAME]
int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // as Node has it
  return sluice::test::run(argc > 1 ? argv[1] : "") ? 1 : 0;
}
