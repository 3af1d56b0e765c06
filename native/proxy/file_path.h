#pragma once

#include <optional>
#include <string_view>

namespace sluice {

class Exchange;

/// The directory (or, with an expression location's alias, the file) that `root` or `alias` names
/// here; absolute.
std::string_view document_root(Exchange& exchange);

/// The file that a URI stands for here: `root` before it, or `alias` in place of the location's
/// part of it; then `suffix`. A NUL follows it. Nothing, and a line in the log: the location's part
/// was rewritten away. https://nginx.org/en/docs/http/ngx_http_core_module.html#alias
std::optional<std::string_view> file_path(Exchange& exchange, std::string_view uri,
                                          std::string_view suffix = {});

/// As file_path(), for a name that takes the place of the whole URI below the root.
std::optional<std::string_view> path_below_root(Exchange& exchange, std::string_view name);

}  // namespace sluice
