#pragma once

#include <cstdint>
#include <iostream>
#include <sstream>
#include <string>
#include <type_traits>

/// Unit tests of the data plane, told as TAP. TEST("what holds") { CHECK(…); CHECK_EQUAL(got,
/// wanted); }
namespace sluice::test {

struct Test {
  Test(const char* name, void (*body)());
  const char* name;
  void (*body)();
  Test* next = nullptr;
};

/// Notes a failed check of the running test, which goes on.
void fail(const char* file, int line, const std::string& what);

template <typename T>
std::string show(const T& value) {
  if constexpr (std::is_enum_v<T>) {
    return std::to_string(static_cast<int64_t>(value));
  } else if constexpr (requires(std::ostream & out) { out << value; }) {
    std::ostringstream out;
    out << value;
    return out.str();
  } else {
    return "(an object)";
  }
}

template <typename Got, typename Wanted>
void check_equal(const Got& got, const Wanted& wanted, const char* what, const char* file,
                 int line) {
  if (got == wanted) return;
  fail(file, line, std::string(what) + " is '" + show(got) + "' and not '" + show(wanted) + "'");
}

}  // namespace sluice::test

#define TEST_JOIN(a, b) a##b
#define TEST_NAME(a, b) TEST_JOIN(a, b)
#define TEST(name)                                                                             \
  static void TEST_NAME(test_body_, __LINE__)();                                               \
  static sluice::test::Test TEST_NAME(test_, __LINE__)(name, TEST_NAME(test_body_, __LINE__)); \
  static void TEST_NAME(test_body_, __LINE__)()
#define CHECK(condition)                                                  \
  do {                                                                    \
    if (!(condition)) sluice::test::fail(__FILE__, __LINE__, #condition); \
  } while (false)
#define CHECK_EQUAL(got, wanted) \
  sluice::test::check_equal((got), (wanted), #got, __FILE__, __LINE__)
