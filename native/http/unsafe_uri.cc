#include "http/unsafe_uri.h"

#include "base/encode.h"

namespace sluice::http {

namespace {

bool is_unsafe(std::string_view path) {
  if (path.empty() || path.find('\0') != path.npos) return true;
  if (path == ".." || path.starts_with("../") || path.ends_with("/..")) return true;
  return path.find("/../") != path.npos;
}

}  // namespace

std::optional<UnsafeUri> parse_unsafe_uri(std::string_view text, Arena& arena) {
  UnsafeUri uri{text, {}};
  if (size_t mark = text.find('?'); mark != text.npos)
    uri = {text.substr(0, mark), text.substr(mark + 1)};
  if (is_unsafe(uri.path)) return std::nullopt;
  uri.path = unescape(uri.path, arena);
  if (is_unsafe(uri.path)) return std::nullopt;
  return uri;
}

}  // namespace sluice::http
