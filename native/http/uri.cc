#include "http/uri.h"

#include <array>

namespace sluice::http {
namespace {

/// Octets that a path's normal form depends on.
constexpr auto marks = [] {
  std::array<bool, 256> table{};
  for (unsigned char c : std::string_view("/.%+")) table[c] = true;
  table[0] = true;
  return table;
}();

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/// Writes a path's normal form octet by octet. It is never longer than what it is made of, plus a
/// leading slash.
class PathWriter {
 public:
  PathWriter(std::span<char> room, bool merge_slashes)
      : start_(room.data()), end_(start_), merge_slashes_(merge_slashes) {}

  /// Takes a decoded octet that may end or make up a dot segment. False when the path leaves the
  /// root.
  bool put(char c) {
    if (c == '/') return end_segment(true);
    literal(c);
    return true;
  }

  /// Takes an octet as part of a name, whatever it is.
  void literal(char c) {
    if (c == '+') has_plus = true;
    *end_++ = c;
  }

  /// The path is over.
  bool finish() { return end_segment(false); }

  std::string_view path() const { return {start_, end_}; }
  bool has_plus = false;

 private:
  /// Resolves the segment that ends here if it is a dot segment, and begins the next one (RFC 3986
  /// section 5.2.4).
  bool end_segment(bool slash) {
    std::string_view segment(segment_, end_);
    if (segment_ != nullptr && segment == ".") {
      end_ = segment_;
      return true;
    }
    if (segment_ != nullptr && segment == "..") {
      end_ = segment_ - 1;
      do {
        if (end_ == start_) return false;
      } while (*--end_ != '/');
      segment_ = ++end_;
      return true;
    }
    if (!slash) return true;
    if (merge_slashes_ && segment_ != nullptr && segment.empty()) return true;
    *end_++ = '/';
    segment_ = end_;
    return true;
  }

  char* start_;
  char* end_;
  char* segment_ = nullptr;  ///< after the last slash
  bool merge_slashes_;
};

/// What `%25`, `%23` and `%3F` stand for is a name's octet and no mark; any other octet is what it
/// would be unescaped.
bool is_always_literal(char c) { return c == '%' || c == '#' || c == '?'; }

std::optional<NormalPath> rewrite(std::string_view path, bool merge_slashes, Arena& arena) {
  std::span<char> room = arena.text(path.size() + 1);
  PathWriter writer(room, merge_slashes);
  NormalPath normal;
  for (size_t i = 0; i < path.size(); ++i) {
    char c = path[i];
    if (c != '%') {
      if (c == '\0' || !writer.put(c)) return std::nullopt;
      continue;
    }
    if (path.size() - i < 3) return std::nullopt;
    int high = hex_value(path[i + 1]);
    int low = hex_value(path[i + 2]);
    if (high < 0 || low < 0 || (high | low) == 0) return std::nullopt;
    normal.quoted = true;
    i += 2;
    char decoded = static_cast<char>(high << 4 | low);
    if (is_always_literal(decoded)) {
      writer.literal(decoded);
    } else if (!writer.put(decoded)) {
      return std::nullopt;
    }
  }
  if (!writer.finish()) return std::nullopt;
  normal.path = arena.trim(room, writer.path().size());
  normal.has_plus = writer.has_plus;
  normal.extension = path_extension(normal.path);
  return normal;
}

}  // namespace

UriParts split_uri(std::string_view uri) {
  UriParts parts;
  size_t mark = uri.find_first_of("?#");
  parts.path = uri.substr(0, mark);
  if (mark != std::string_view::npos && uri[mark] == '?') {
    parts.has_query = true;
    std::string_view query = uri.substr(mark + 1);
    parts.query = query.substr(0, query.find('#'));
  }
  return parts;
}

std::string_view path_extension(std::string_view path) {
  size_t slash = path.rfind('/');
  size_t segment = slash == std::string_view::npos ? 0 : slash + 1;
  size_t dot = path.rfind('.');
  if (dot == std::string_view::npos || dot <= segment) return {};
  return path.substr(dot + 1);
}

std::optional<NormalPath> normalize_path(std::string_view path, bool merge_slashes, Arena& arena) {
  NormalPath normal{path, {}};
  const char* const begin = path.data();
  const char* const end = begin + path.size();
  const char* dot = nullptr;
  for (const char* at = begin; at != end; ++at) {
    if (!marks[static_cast<unsigned char>(*at)]) continue;
    bool segment_start = at != begin && at[-1] == '/';
    if (*at == '+') {
      normal.has_plus = true;
    } else if (segment_start || *at == '%' || *at == '\0') {
      return rewrite(path, merge_slashes, arena);
    } else {
      dot = *at == '.' ? at + 1 : nullptr;
    }
  }
  if (dot) normal.extension = {dot, end};
  return normal;
}

}  // namespace sluice::http
