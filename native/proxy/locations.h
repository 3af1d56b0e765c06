#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "proxy/module.h"
#include "proxy/regex.h"
#include "proxy/rewrite_program.h"

namespace sluice {

struct Block;
struct Location;
class Runtime;

/// The locations of a server, or nested in a location; nginx's search order.
class LocationTree {
 public:
  LocationTree();
  ~LocationTree();
  LocationTree(LocationTree&&) noexcept;
  LocationTree& operator=(LocationTree&&) noexcept;

  static LocationTree read(Runtime& runtime, const plan::Node& node);

  struct Match {
    const Location* location = nullptr;  ///< null: none, the enclosing block applies
    bool redirect = false;  ///< the URI lacks the trailing slash of an autoRedirect location
    bool failed = false;    ///< an expression could not be evaluated: answer 500
    bool decided = false;  ///< exact, by expression, or a redirect: enclosing trees look no further
  };
  /// Exact, then the longest prefix (and what is nested in it), then expressions unless `^~`
  /// forbids. Captures go to the exchange.
  Match find(std::string_view uri, Exchange& exchange) const;
  /// `@name`.
  const Location* named(std::string_view name) const;
  bool empty() const { return all_.empty(); }

 private:
  struct Index;
  std::vector<std::unique_ptr<Location>> all_;
  std::unique_ptr<Index> index_;
};

struct Location {
  std::string_view name;
  const Block* block = nullptr;
  bool no_regex = false;
  bool auto_redirect = false;
  bool exact = false;
  bool is_named = false;
  bool is_regex = false;
  LocationTree nested;
  RewriteProgram rewrite;
  Verdict (*handler)(Exchange&) = nullptr;
  const Block* limited_block = nullptr;  ///< limit_except
  Verdict (*limited_handler)(Exchange&) = nullptr;
  uint32_t allowed_methods = 0;  ///< bits by http::Method, with limited_block
};

}  // namespace sluice
