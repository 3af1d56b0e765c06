// A response head: however it is cut, and whether its end is looked for first, the outcome is the
// same; written anew and parsed again, it is the same response.

#include <string>

#include "fuzz/split.h"
#include "http/h1/head_writer.h"
#include "http/h1/response_parser.h"

namespace {

using namespace sluice;
using h1::ResponseError;

constexpr size_t limit = 512;

struct Outcome {
  ResponseError error = ResponseError::none;
  bool complete = false;
  size_t size = 0;
  std::string text;
};

std::string rewritten(const http::ResponseHead& head) {
  std::string text = "HTTP/1.1 " + std::to_string(head.status);
  text.append(" ").append(head.reason).append("\r\n");
  for (const http::Header& field : head.headers) {
    text.append(field.name).append(": ").append(field.value).append("\r\n");
  }
  return text.append("\r\n");
}

void check_head(const http::ResponseHead& head) {
  FUZZ_REQUIRE(head.status >= 100 && head.status <= 999);
  FUZZ_REQUIRE(!(head.chunked && head.content_length));
  FUZZ_REQUIRE(head.reason.find_first_of(std::string_view("\r\n\0", 3)) == head.reason.npos);
  for (const http::Header& field : head.headers) {
    FUZZ_REQUIRE(!field.name.empty());
    FUZZ_REQUIRE(field.value.find_first_of(std::string_view("\r\n\0", 3)) == field.value.npos);
  }
  h1::ResponseExtras extras{.server = "s", .date = "d", .keep_alive_timeout = 60};
  std::string room(h1::response_head_size(head, extras), '\0');
  FUZZ_REQUIRE(h1::write_response_head(head, extras, room) <= room.size());
}

Outcome read(std::string_view bytes, size_t limit, size_t step) {
  Outcome outcome;
  fuzz::Exact scanned("");
  h1::ResponseScanner scanner(limit);
  h1::ResponseScanner::Result result = fuzz::scan_in_steps(scanner, bytes, step, scanned);
  outcome.error = scanner.error();
  outcome.complete = result == h1::ResponseScanner::Result::complete;
  if (!outcome.complete) return outcome;

  outcome.size = scanner.size();
  fuzz::Exact head_bytes(bytes.substr(0, scanner.size()));
  Arena arena;
  http::ResponseHead head(arena);
  h1::ResponseRefusal why;
  outcome.error = h1::parse_response(head_bytes.view(), head, why);
  why.message(arena);
  if (outcome.error != ResponseError::none) return outcome;
  check_head(head);
  outcome.text = rewritten(head);
  return outcome;
}

/// Without looking for the head's end first: nothing but a good head is one.
Outcome read_in_place(std::string_view bytes, size_t limit) {
  fuzz::Exact input(bytes.substr(0, limit));
  Outcome outcome;
  Arena arena;
  http::ResponseHead head(arena);
  h1::ResponseRefusal why;
  outcome.error = h1::parse_response(input.view(), head, why);
  if (outcome.error != ResponseError::none) return outcome;
  outcome.complete = true;
  outcome.size = head.size;
  std::string kept(input.view());
  head.moved(input.view().data(), kept.data());
  outcome.text = rewritten(head);
  return outcome;
}

bool refused(const Outcome& outcome) { return outcome.error != ResponseError::none; }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  Outcome at_once = read(bytes, limit, bytes.size() + 1);
  for (size_t step : {size_t{1}, size_t{2}, size_t{17}}) {
    Outcome in_steps = read(bytes, limit, step);
    FUZZ_REQUIRE(refused(in_steps) == refused(at_once) && in_steps.text == at_once.text);
    FUZZ_REQUIRE(refused(at_once) || in_steps.size == at_once.size);
  }
  Outcome in_place = read_in_place(bytes, limit);
  FUZZ_REQUIRE(in_place.complete == !at_once.text.empty());
  FUZZ_REQUIRE(in_place.text == at_once.text);
  FUZZ_REQUIRE(!in_place.complete || in_place.size == at_once.size);
  if (!at_once.text.empty()) {
    Outcome again = read(at_once.text, 4 * limit, at_once.text.size());
    FUZZ_REQUIRE(again.error == ResponseError::none && again.text == at_once.text);
  }
  return 0;
}
