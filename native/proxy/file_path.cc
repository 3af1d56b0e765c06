#include "proxy/file_path.h"

#include <algorithm>
#include <initializer_list>

#include "modules/http_core.h"
#include "proxy/exchange.h"

namespace sluice {

namespace {

std::string_view join_path(Arena& arena, std::initializer_list<std::string_view> parts) {
  size_t size = 0;
  for (std::string_view part : parts) size += part.size();
  std::span<char> text = arena.text(size + 1);
  char* end = text.data();
  for (std::string_view part : parts) end = std::copy(part.begin(), part.end(), end);
  *end = '\0';
  return {text.data(), size};
}

bool alias_applies(Exchange& exchange) {
  if (!exchange.conf<CoreConf>().alias || exchange.valid_location) return true;
  std::string_view name = exchange.location ? exchange.location->name : std::string_view();
  exchange.log(LogLevel::alert,
               "\"alias\" cannot be used in location \"%.*s\" where URI was rewritten",
               int(name.size()), name.data());
  return false;
}

}  // namespace

std::string_view document_root(Exchange& exchange) {
  const Template& root = exchange.conf<CoreConf>().root;
  if (root.is_constant()) return root.constant();
  std::string_view name = root.evaluate(exchange);
  if (name.starts_with('/')) return name;
  return join_path(exchange.arena, {exchange.runtime.prefix, name});
}

std::optional<std::string_view> file_path(Exchange& exchange, std::string_view uri,
                                          std::string_view suffix) {
  if (!alias_applies(exchange)) return std::nullopt;
  int64_t alias = exchange.conf<CoreConf>().alias.value_or(0);
  if (alias < 0) {
    // The alias of an expression location stands for the whole URI, unless try_files went below it.
    alias = exchange.uri_below_alias ? 0 : int64_t(uri.size());
  }
  uri.remove_prefix(std::min(size_t(alias), uri.size()));
  return join_path(exchange.arena, {document_root(exchange), uri, suffix});
}

std::optional<std::string_view> path_below_root(Exchange& exchange, std::string_view name) {
  if (!alias_applies(exchange)) return std::nullopt;
  return join_path(exchange.arena, {document_root(exchange), name});
}

}  // namespace sluice
