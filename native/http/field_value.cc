#include "http/field_value.h"

#include "base/number.h"
#include "http/lower_name.h"

namespace sluice::http {
namespace {

std::string_view trim(std::string_view text) {
  size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

}  // namespace

std::optional<uint64_t> parse_content_length(std::string_view value) {
  std::optional<uint64_t> length = parse_decimal(value);
  if (length && *length > uint64_t{INT64_MAX}) return std::nullopt;
  return length;
}

bool has_token(std::string_view list, std::string_view token) {
  while (true) {
    size_t comma = list.find(',');
    if (iequals(trim(list.substr(0, comma)), token)) return true;
    if (comma == std::string_view::npos) return false;
    list.remove_prefix(comma + 1);
  }
}

Persistence connection_option(std::string_view value, Persistence so_far) {
  bool usual = so_far == Persistence::unsaid && equals<"keep-alive">(value);
  if (usual) return Persistence::keep_alive;
  if (so_far == Persistence::close || has_token(value, "close")) return Persistence::close;
  return has_token(value, "keep-alive") ? Persistence::keep_alive : so_far;
}

}  // namespace sluice::http
