// A request head: however it is cut, the outcome is the same; written anew and parsed again, it is
// the same request.

#include <string>

#include "fuzz/split.h"
#include "http/h1/request_parser.h"

namespace {

using namespace sluice;
using http::RequestError;

constexpr h1::HeadLimits limits{.first = 64, .large_count = 2, .large_size = 128};

struct Outcome {
  RequestError error = RequestError::none;
  bool complete = false;
  size_t size = 0;
  std::string text;  ///< the request, written anew
};

std::string rewritten(const http::RequestHead& head) {
  std::string text;
  text.append(head.method_name).append(" ").append(head.target);
  if (head.version == http::Version::http09) return text.append(" \r\n");
  text.append(" ").append(http::version_name(head.version)).append("\r\n");
  for (const http::Header& field : head.headers) {
    text.append(field.name).append(": ").append(field.value).append("\r\n");
  }
  return text.append("\r\n");
}

void check_head(const http::RequestHead& head) {
  FUZZ_REQUIRE(!(head.chunked && head.content_length));
  FUZZ_REQUIRE(head.version != http::Version::http11 || !head.host.empty());
  for (const http::Header& field : head.headers) {
    FUZZ_REQUIRE(!field.name.empty());
    FUZZ_REQUIRE(field.name.find_first_of(std::string_view(" \t\r\n\0:", 6)) == field.name.npos);
    FUZZ_REQUIRE(field.value.find_first_of(std::string_view("\r\n\0", 3)) == field.value.npos);
    FUZZ_REQUIRE(field.id == http::header_id(field.name));
  }
}

Outcome read(std::string_view bytes, const h1::RequestRules& rules, const h1::HeadLimits& limits,
             size_t step) {
  Outcome outcome;
  fuzz::Exact scanned("");
  h1::RequestScanner scanner(limits);
  h1::RequestScanner::Result result = fuzz::scan_in_steps(scanner, bytes, step, scanned);
  Arena arena;
  outcome.error = scanner.refusal().error;
  scanner.refusal().message(arena);
  outcome.complete = result == h1::RequestScanner::Result::complete;
  if (!outcome.complete) return outcome;

  fuzz::Exact head_bytes(bytes.substr(0, scanner.size()));
  http::RequestHead head(arena);
  http::Refusal why;
  outcome.error = h1::parse_request(head_bytes.view(), rules, head, arena, why);
  FUZZ_REQUIRE(outcome.error == why.error);
  FUZZ_REQUIRE(why.error == RequestError::none || why.status() >= 400);
  why.message(arena);
  if (outcome.error != RequestError::none) return outcome;
  check_head(head);
  outcome.size = head.size;
  outcome.text = rewritten(head);
  return outcome;
}

bool refused(const Outcome& outcome) { return outcome.error != RequestError::none; }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  h1::RequestRules rules;
  rules.ignore_invalid_headers = data[0] & 1;
  rules.underscores_in_headers = data[0] & 2;
  rules.allow_connect = data[0] & 4;
  rules.max_headers = 8;
  std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  bytes.remove_prefix(h1::leading_blank(bytes));

  Outcome at_once = read(bytes, rules, limits, bytes.size() + 1);
  for (size_t step : {size_t{1}, size_t{2}, size_t{17}}) {
    Outcome in_steps = read(bytes, rules, limits, step);
    FUZZ_REQUIRE(refused(in_steps) == refused(at_once));
    FUZZ_REQUIRE(in_steps.complete == at_once.complete || refused(at_once));
    FUZZ_REQUIRE(in_steps.text == at_once.text && in_steps.size == at_once.size);
  }

  if (!at_once.text.empty()) {
    Outcome again = read(at_once.text, rules, h1::HeadLimits{}, at_once.text.size());
    FUZZ_REQUIRE(again.error == RequestError::none && again.text == at_once.text);
  }
  return 0;
}
