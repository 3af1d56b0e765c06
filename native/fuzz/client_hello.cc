// Extensions of a ClientHello: what is read of them lies within them, and says what the bytes say.

#include <algorithm>
#include <string>

#include "fuzz/split.h"
#include "tls/client_hello.h"

using namespace sluice::tls;
using client_hello::Bytes;

namespace {

bool within(Bytes part, Bytes whole) {
  return part.empty() ||
         (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  sluice::fuzz::Exact exact({reinterpret_cast<const char*>(data), size});
  Bytes input(reinterpret_cast<const unsigned char*>(exact.view().data()), size);
  if (auto psk = client_hello::first_psk(input)) {
    FUZZ_REQUIRE(within(psk->identity, input) && within(psk->binder, input));
    FUZZ_REQUIRE(!psk->identity.empty() && !psk->binder.empty());
    // RFC 8446, 4.2.11: lengths of the list, the identity, its age, the list of binders, the
    // binder.
    FUZZ_REQUIRE(psk->identity.size() + psk->binder.size() + 2 + 2 + 4 + 2 + 1 <= input.size());
  }
  if (auto name = client_hello::host_name(input)) {
    FUZZ_REQUIRE(name->size() + 5 == input.size());
    std::string lower = client_hello::lower_case(std::string(*name).c_str());
    FUZZ_REQUIRE(std::ranges::none_of(lower, [](char c) { return c >= 'A' && c <= 'Z'; }));
  }
  if (client_hello::offers_tls13(input)) FUZZ_REQUIRE(input.size() >= 3);
  return 0;
}
