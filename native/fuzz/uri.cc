// A path: its normal form has no dot segments nor, merged, double slashes; escaped and normalised
// again, it is the same.

#include <string>

#include "fuzz/split.h"
#include "http/host.h"
#include "http/uri.h"

namespace {

using namespace sluice;

std::string escaped(std::string_view path) {
  std::string text;
  for (char c : path) {
    if (c == '%') {
      text += "%25";
    } else if (c == '?') {
      text += "%3F";
    } else if (c == '#') {
      text += "%23";
    } else {
      text += c;
    }
  }
  return text;
}

void check_path(std::string_view path, bool merge_slashes) {
  Arena arena;
  std::optional<http::NormalPath> normal = http::normalize_path(path, merge_slashes, arena);
  if (!normal) return;
  std::string text(normal->path);
  FUZZ_REQUIRE(text.starts_with('/') && text.size() <= path.size());
  FUZZ_REQUIRE(text.find('\0') == text.npos);
  FUZZ_REQUIRE((text + "/").find("/../") == text.npos && (text + "/").find("/./") == text.npos);
  FUZZ_REQUIRE(!merge_slashes || text.find("//") == text.npos);
  FUZZ_REQUIRE(normal->extension == http::path_extension(normal->path));

  std::string again = escaped(text);
  std::optional<http::NormalPath> twice = http::normalize_path(again, merge_slashes, arena);
  FUZZ_REQUIRE(twice && twice->path == text && twice->extension == normal->extension);
  FUZZ_REQUIRE(!twice->has_plus || normal->has_plus);
}

void check_host(std::string_view text) {
  Arena arena;
  std::optional<http::Host> host = http::parse_host(text, arena);
  if (!host) return;
  FUZZ_REQUIRE(!host->name.empty());
  std::optional<http::Host> again = http::parse_host(host->name, arena);
  FUZZ_REQUIRE(again ? again->name == host->name || host->name.ends_with('.') : host->name == ".");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string uri = "/" + std::string(reinterpret_cast<const char*>(data), size);
  fuzz::Exact bytes(uri);
  http::UriParts parts = http::split_uri(bytes.view());
  check_path(parts.path, true);
  check_path(parts.path, false);
  check_host(bytes.view().substr(1));
  return 0;
}
