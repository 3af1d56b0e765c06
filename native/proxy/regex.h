#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/variable.h"

struct pcre2_real_code_8;

namespace sluice {

class Exchange;

/// A compiled PCRE2 expression (JIT where the machine has it). Match data is the thread's own, made
/// once.
class Regex {
 public:
  /// Null with `error` when the pattern is bad; the master checks patterns before a Plan is made.
  /// The pattern's text must outlive the expression.
  static std::unique_ptr<Regex> compile(std::string_view pattern, bool caseless,
                                        std::string& error);
  ~Regex();
  Regex(const Regex&) = delete;
  Regex& operator=(const Regex&) = delete;

  std::string_view pattern() const { return pattern_; }

  /// `failed`: PCRE2 gave up (its match limit, memory). Whoever decides by the outcome must not
  /// take that for a `no`.
  enum class Outcome : uint8_t { no, yes, failed };

  /// Matches, and on success stores captures ($1…) and named variables in the exchange. The subject
  /// must live as long as the exchange. A failure is logged.
  Outcome apply(std::string_view subject, Exchange& exchange) const;
  /// The same, where a failure is as good as a `no`.
  bool match(std::string_view subject, Exchange& exchange) const {
    return apply(subject, exchange) == Outcome::yes;
  }
  /// Matches without touching the exchange's captures.
  bool test(std::string_view subject) const;

  /// [capture, slot] of named captures.
  std::vector<std::pair<uint16_t, VariableSlot>> names;

 private:
  Regex(pcre2_real_code_8* code, std::string_view pattern);
  int run(std::string_view subject) const;

  pcre2_real_code_8* code_;
  std::string_view pattern_;
  uint32_t pairs_ = 1;  // of offsets: the whole match, then each group
  mutable bool compiled_to_machine_code_ = false;
};

/// Captures of the last match: offsets into `subject`.
struct Captures {
  std::string_view subject;
  const uint32_t* offsets = nullptr;  ///< pairs, in the arena
  uint32_t count = 0;                 ///< of pairs, the whole match included
  std::string_view get(uint32_t n) const {
    if (n >= count || offsets[2 * n] == UINT32_MAX) return {};
    return subject.substr(offsets[2 * n], offsets[2 * n + 1] - offsets[2 * n]);
  }
};

}  // namespace sluice
