// A Plan: whatever the bytes, what is decoded lies within them and costs no more memory than they
// are worth; written anew, it is decoded as the same.

#include "proxy/plan.h"

#include <string>

#include "fuzz/split.h"

namespace {

using namespace sluice;
using plan::Node;

struct Walk {
  std::string_view bytes;
  std::string text;  ///< the tree, encoded anew in the shortest form (RFC 8949, 4.2.1)
  size_t nodes = 0;
};

void write_head(std::string& out, unsigned major, uint64_t argument) {
  unsigned width = argument < 24            ? 0
                   : argument <= UINT8_MAX  ? 1
                   : argument <= UINT16_MAX ? 2
                   : argument <= UINT32_MAX ? 4
                                            : 8;
  unsigned info = width == 0   ? unsigned(argument)
                  : width == 1 ? 24
                  : width == 2 ? 25
                  : width == 4 ? 26
                               : 27;
  out += char(major << 5 | info);
  for (unsigned left = width; left-- > 0;) out += char(argument >> (8 * left));
}

void walk(const Node& node, Walk& seen) {
  ++seen.nodes;
  switch (node.type()) {
    case Node::Type::null:
      seen.text += '\xf6';
      break;
    case Node::Type::boolean:
      seen.text += node.boolean() ? '\xf5' : '\xf4';
      break;
    case Node::Type::integer: {
      int64_t value = node.integer();
      write_head(seen.text, value < 0, value < 0 ? uint64_t(-(value + 1)) : uint64_t(value));
      break;
    }
    case Node::Type::text:
    case Node::Type::bytes: {
      std::string_view text = node.text();
      FUZZ_REQUIRE(text.data() >= seen.bytes.data() &&
                   text.data() + text.size() <= seen.bytes.data() + seen.bytes.size());
      write_head(seen.text, node.is_text() ? 3 : 2, text.size());
      seen.text += text;
      break;
    }
    case Node::Type::array:
    case Node::Type::map:
      write_head(seen.text, node.is_array() ? 4 : 5, node.size());
      for (const Node& item : node.items()) walk(item, seen);
      FUZZ_REQUIRE(!node.at(node.size()));
      break;
  }
}

std::string rewritten(std::string_view bytes) {
  fuzz::Exact exact(bytes);
  std::string error;
  std::unique_ptr<plan::Document> document = plan::Document::decode(exact.view(), error);
  FUZZ_REQUIRE(!document == !error.empty());
  if (!document) return {};
  Walk seen{.bytes = exact.view(), .text = {}};
  walk(document->root(), seen);
  FUZZ_REQUIRE(seen.nodes <= bytes.size() && seen.text.size() <= bytes.size());
  document->root()["fds"].at(0)["absent"].items();
  return seen.text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string once = rewritten({reinterpret_cast<const char*>(data), size});
  FUZZ_REQUIRE(rewritten(once) == once);
  return 0;
}
