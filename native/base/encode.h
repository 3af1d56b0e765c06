#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/arena.h"

namespace sluice {

/// What the text becomes part of, and so which characters are percent-encoded; nginx's sets.
enum class Escape : uint8_t {
  uri,            ///< a path: space # % ? and what isn't printable ASCII
  args,           ///< a query string: as uri, and & + ;
  uri_component,  ///< one name or value: all but letters, digits and - . _ ~
  html,     ///< a URI inside an HTML page's attribute: space " # % ' and what isn't printable ASCII
  refresh,  ///< a URI inside a Refresh field: space " % ' and what isn't printable ASCII
};

/// The length of the escaped text.
size_t escaped_size(Escape kind, std::string_view text);
/// Writes the escaped text, escaped_size() characters; returns its end.
char* escape(Escape kind, std::string_view text, char* out);
/// The escaped text; `text` itself when nothing needs escaping.
std::string_view escape(Escape kind, std::string_view text, Arena& arena);

/// How far and what to decode; nginx's ways.
enum class Unescape : uint8_t {
  all,       ///< every `%xx`
  uri,       ///< up to and with the first `?`, decoded or not
  redirect,  ///< as uri, but only what is printable and above `%`; anything else stays encoded
};

/// Replaces `%xx` by its byte, as nginx does: a malformed sequence loses what it had of `%` and
/// digits. `text` becomes what was not looked at (behind the `?`). `out` needs text.size()
/// characters and may be text.data(). Returns the end of what was written.
char* unescape(Unescape kind, std::string_view& text, char* out);
/// All of it decoded; `text` itself when it holds no `%`.
std::string_view unescape(std::string_view text, Arena& arena);

/// `<`, `>`, `&` and `"` as character references; `text` itself when it has none.
std::string_view escape_html(std::string_view text, Arena& arena);

constexpr size_t base64_size(size_t size) { return (size + 2) / 3 * 4; }
/// RFC 4648, 4, with padding. Writes base64_size() characters; returns their end.
char* encode_base64(std::string_view bytes, char* out);
/// With or without padding; nothing when a character doesn't belong there. The url form is RFC
/// 4648, 5.
std::optional<std::string_view> decode_base64(std::string_view text, Arena& arena);
std::optional<std::string_view> decode_base64url(std::string_view text, Arena& arena);

/// Lower-case hex digits, two a byte; returns their end.
char* encode_hex(std::string_view bytes, char* out);

}  // namespace sluice
