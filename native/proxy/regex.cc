#include "proxy/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "proxy/exchange.h"

namespace sluice {

namespace {

constexpr size_t jit_stack_start = 32 * 1024;
constexpr size_t jit_stack_limit = 1024 * 1024;

/// What matching needs besides the pattern: one set per thread, grown to the largest pattern met.
class MatchSpace {
 public:
  MatchSpace() : context_(pcre2_match_context_create(nullptr)) {
    jit_stack_ = pcre2_jit_stack_create(jit_stack_start, jit_stack_limit, nullptr);
    pcre2_jit_stack_assign(context_, nullptr, jit_stack_);
  }
  ~MatchSpace() {
    pcre2_match_data_free(data_);
    pcre2_match_context_free(context_);
    pcre2_jit_stack_free(jit_stack_);
  }
  MatchSpace(const MatchSpace&) = delete;
  MatchSpace& operator=(const MatchSpace&) = delete;

  pcre2_match_data* data(uint32_t pairs) {
    if (!data_ || pairs > pcre2_get_ovector_count(data_)) {
      pcre2_match_data_free(data_);
      data_ = pcre2_match_data_create(pairs, nullptr);
    }
    return data_;
  }
  pcre2_match_context* context() { return context_; }

 private:
  pcre2_match_context* context_;
  pcre2_jit_stack* jit_stack_;
  pcre2_match_data* data_ = nullptr;
};

MatchSpace& match_space() {
  thread_local MatchSpace space;
  return space;
}

PCRE2_SPTR bytes(std::string_view text) {
  // pcre2_match() refuses a null subject, whatever its length.
  return reinterpret_cast<PCRE2_SPTR>(text.data() ? text.data() : "");
}

}  // namespace

Regex::Regex(pcre2_real_code_8* code, std::string_view pattern) : code_(code), pattern_(pattern) {
  uint32_t groups = 0;
  pcre2_pattern_info(code_, PCRE2_INFO_CAPTURECOUNT, &groups);
  pairs_ = groups + 1;
}

Regex::~Regex() { pcre2_code_free(code_); }

std::unique_ptr<Regex> Regex::compile(std::string_view pattern, bool caseless, std::string& error) {
  int code = 0;
  PCRE2_SIZE offset = 0;
  pcre2_code* compiled = pcre2_compile(bytes(pattern), pattern.size(),
                                       caseless ? PCRE2_CASELESS : 0, &code, &offset, nullptr);
  if (!compiled) {
    PCRE2_UCHAR text[128];
    pcre2_get_error_message(code, text, sizeof text);
    error.assign("pcre2_compile() failed: ").append(reinterpret_cast<char*>(text));
    error.append(" in \"").append(pattern).append("\"");
    if (offset < pattern.size()) error.append(" at \"").append(pattern.substr(offset)).append("\"");
    return nullptr;
  }
  return std::unique_ptr<Regex>(new Regex(compiled, pattern));
}

int Regex::run(std::string_view subject) const {
  if (!compiled_to_machine_code_) {
    // Only for what is ever used: thousands of expressions would delay the start.
    pcre2_jit_compile(code_, PCRE2_JIT_COMPLETE);
    compiled_to_machine_code_ = true;
  }
  MatchSpace& space = match_space();
  return pcre2_match(code_, bytes(subject), subject.size(), 0, 0, space.data(pairs_),
                     space.context());
}

bool Regex::test(std::string_view subject) const { return run(subject) >= 0; }

Regex::Outcome Regex::apply(std::string_view subject, Exchange& exchange) const {
  int result = run(subject);
  if (result == PCRE2_ERROR_NOMATCH) return Outcome::no;
  if (result < 0) {
    exchange.log(LogLevel::alert, "pcre2_match() failed: %d on \"%.*s\" using \"%.*s\"", result,
                 int(subject.size()), subject.data(), int(pattern_.size()), pattern_.data());
    return Outcome::failed;
  }

  // `result` counts up to the last group that took part.
  const auto count = uint32_t(result);
  const PCRE2_SIZE* found = pcre2_get_ovector_pointer(match_space().data(pairs_));
  std::span<uint32_t> offsets = exchange.arena.array<uint32_t>(2 * size_t(count));
  for (size_t i = 0; i < offsets.size(); ++i) {
    offsets[i] = found[i] == PCRE2_UNSET ? UINT32_MAX : uint32_t(found[i]);
  }
  exchange.captures = {subject, offsets.data(), count};
  for (const auto& [capture, slot] : names) {
    exchange.set_variable(slot, exchange.captures.get(capture));
  }
  return Outcome::yes;
}

}  // namespace sluice
