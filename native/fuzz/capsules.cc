// Capsules of a WebTransport session: in whatever pieces the bytes come, the same ones come out,
// none of them longer than allowed, and what is kept of a capsule stays bounded.

#include "http/capsule.h"

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace {

using namespace sluice;
using Bytes = std::span<const uint8_t>;
using Event = http::CapsuleReader::Event;

/// As over HTTP/2 in short: numbers that a few bytes reach.
http::CapsuleUse use_of(http::CapsuleType type, uint64_t length) {
  if (uint64_t(type) == 1) return http::CapsuleUse::pieces;
  if (uint64_t(type) == 2) return length < 4 ? http::CapsuleUse::whole : http::CapsuleUse::skip;
  return http::use_of_session_capsule(type, length);
}

struct Outcome {
  std::vector<std::pair<uint64_t, std::string>> capsules;
  bool invalid = false;
  bool operator==(const Outcome&) const = default;
};

Outcome read(Bytes input, size_t piece) {
  http::CapsuleReader reader(use_of);
  Outcome outcome;
  while (!input.empty()) {
    Bytes part = input.first(std::min(piece, input.size()));
    input = input.subspan(part.size());
    for (Event event = Event::capsule; event != Event::more;) {
      event = reader.next(part);
      if (event == Event::invalid) {
        outcome.invalid = true;
        return outcome;
      }
      if (event == Event::more) {
        if (!part.empty()) __builtin_trap();
        break;
      }
      Bytes payload = reader.payload();
      std::string text(payload.begin(), payload.end());
      if (event == Event::capsule) {
        if (payload.size() > http::max_close_capsule) __builtin_trap();
        if (!reader.between_capsules()) __builtin_trap();
        outcome.capsules.emplace_back(uint64_t(reader.type()), text);
        continue;
      }
      if (reader.ends() != reader.between_capsules()) __builtin_trap();
      if (reader.begins()) outcome.capsules.emplace_back(uint64_t(reader.type()), "");
      outcome.capsules.back().second += text;
    }
  }
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Outcome whole = read({data, size}, size);
  for (size_t piece : {1, 2, 5}) {
    if (read({data, size}, piece) != whole) __builtin_trap();
  }
  return 0;
}
