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

struct Outcome {
  std::vector<std::pair<uint64_t, std::string>> capsules;
  bool invalid = false;
  bool operator==(const Outcome&) const = default;
};

Outcome read(Bytes input, size_t piece) {
  http::CapsuleReader reader;
  Outcome outcome;
  while (!input.empty()) {
    Bytes part = input.first(std::min(piece, input.size()));
    input = input.subspan(part.size());
    for (Event event = Event::capsule; event == Event::capsule;) {
      event = reader.next(part);
      if (reader.payload().size() > http::CapsuleReader::max_payload) __builtin_trap();
      if (event == Event::invalid) {
        outcome.invalid = true;
        return outcome;
      }
      if (event == Event::more && !part.empty()) __builtin_trap();
      if (event != Event::capsule) continue;
      Bytes payload = reader.payload();
      outcome.capsules.emplace_back(uint64_t(reader.type()),
                                    std::string(payload.begin(), payload.end()));
      if (!reader.between_capsules()) __builtin_trap();
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
