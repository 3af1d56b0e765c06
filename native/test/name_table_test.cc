#include "proxy/name_table.h"

#include <string>

#include "test/check.h"

using sluice::CaselessText;
using sluice::NameTable;

namespace {

int one = 1, two = 2, three = 3, four = 4;

int value(const int* found) { return found ? *found : 0; }

}  // namespace

TEST("an exact name comes before the longest suffix, that before the longest prefix") {
  NameTable<int> names;
  names.add_suffix(".example.com", &one);
  names.add_suffix(".www.example.com", &two);
  names.add_prefix("www.example.", &three);
  names.add_exact("a.example.com", &four);
  CHECK_EQUAL(value(names.find("a.example.com")), 4);
  CHECK_EQUAL(value(names.find("b.example.com")), 1);
  CHECK_EQUAL(value(names.find("x.www.example.com")), 2);
  CHECK_EQUAL(value(names.find("www.example.com")), 1);
  CHECK_EQUAL(value(names.find("www.example.org")), 3);
  CHECK_EQUAL(value(names.find("example.com")), 0);
  CHECK_EQUAL(value(names.find("www.example")), 0);
}

TEST("the longest prefix wins, and it may be the whole rest of the name") {
  NameTable<int> names;
  names.add_prefix("a.", &one);
  names.add_prefix("a.b.", &two);
  CHECK_EQUAL(value(names.find("a.c.d")), 1);
  CHECK_EQUAL(value(names.find("a.b.c")), 2);
  CHECK_EQUAL(value(names.find("a.b")), 1);
  CHECK_EQUAL(value(names.find("x.a.b")), 0);
}

TEST("the empty name is a name") {
  NameTable<int> names;
  CHECK_EQUAL(value(names.find("")), 0);
  names.add_exact("", &one);
  names.add_suffix(".a", &two);
  CHECK_EQUAL(value(names.find("")), 1);
}

TEST("letters' case counts only where it should") {
  NameTable<int, CaselessText> names;
  names.add_exact("abc", &one);
  names.add_suffix(".def", &two);
  CHECK_EQUAL(value(names.find("ABC")), 1);
  CHECK_EQUAL(value(names.find("X.DeF")), 2);
}

TEST("a name of many dots is looked up without hashing what no key is long enough for") {
  NameTable<int> names;
  names.add_suffix(".a.", &one);
  names.add_prefix("..", &two);
  CHECK_EQUAL(value(names.find(std::string(8000, '.'))), 2);
  CHECK_EQUAL(value(names.find(std::string(8000, '.') + "a.")), 1);
}
