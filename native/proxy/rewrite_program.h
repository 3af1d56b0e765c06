#pragma once

#include <memory>
#include <vector>

#include "proxy/plan.h"
#include "proxy/verdict.h"

namespace sluice {

class Exchange;
class Runtime;

/// What the rewrite module compiled for a server or a location (Plan: RewriteProgram): nginx's
/// rewrite directives in their order.
class RewriteProgram {
 public:
  struct Instruction;

  RewriteProgram();
  ~RewriteProgram();
  RewriteProgram(RewriteProgram&&) noexcept;
  RewriteProgram& operator=(RewriteProgram&&) noexcept;

  static RewriteProgram read(Runtime& runtime, const plan::Node& node);
  bool empty() const { return instructions_.empty(); }

  /// declined(): go on with the (perhaps changed) URI; anything else ends the exchange: a status,
  /// or what sending a response came to.
  Verdict run(Exchange& exchange, bool log) const;

 private:
  class Run;
  std::vector<Instruction> instructions_;
};

}  // namespace sluice
