#include "http/priority.h"

namespace sluice::http {
namespace {

/// As much of RFC 8941 as tells members of a dictionary apart: keys, and items that are integers,
/// booleans, or anything else.
class DictionaryReader {
 public:
  explicit DictionaryReader(std::string_view text) : text_(text) {}

  struct Member {
    std::string_view key;
    std::string_view item;  ///< as it stands; empty: true
  };
  bool at_end() const { return text_.empty(); }
  void skip(std::string_view octets) {
    while (!text_.empty() && octets.find(text_[0]) != octets.npos) text_.remove_prefix(1);
  }
  bool take(char c) {
    if (!text_.starts_with(c)) return false;
    text_.remove_prefix(1);
    return true;
  }

  bool member(Member& member) {
    if (!key(member.key)) return false;
    member.item = {};
    if (take('=')) {
      size_t size = item_size();
      if (size == 0) return false;
      member.item = text_.substr(0, size);
      text_.remove_prefix(size);
    }
    return parameters();
  }

 private:
  bool key(std::string_view& key) {
    auto is_first = [](char c) { return (c >= 'a' && c <= 'z') || c == '*'; };
    auto is_next = [&](char c) {
      return is_first(c) || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
    };
    if (text_.empty() || !is_first(text_[0])) return false;
    size_t size = 1;
    while (size < text_.size() && is_next(text_[size])) ++size;
    key = text_.substr(0, size);
    text_.remove_prefix(size);
    return true;
  }

  /// Bytes of a bare item or an inner list; 0: malformed.
  size_t item_size() const {
    if (text_.empty()) return 0;
    if (text_[0] == '"') return quoted_size();
    if (text_[0] == '(') {
      size_t end = text_.find(')');
      return end == text_.npos ? 0 : end + 1;
    }
    size_t end = text_.find_first_of(",; \t\"");
    return end == text_.npos ? text_.size() : end;
  }
  size_t quoted_size() const {
    for (size_t i = 1; i < text_.size(); ++i) {
      if (text_[i] == '\\') {
        ++i;
      } else if (text_[i] == '"') {
        return i + 1;
      }
    }
    return 0;
  }

  bool parameters() {
    while (take(';')) {
      skip(" ");
      std::string_view ignored;
      if (!key(ignored)) return false;
      if (!take('=')) continue;
      size_t size = item_size();
      if (size == 0) return false;
      text_.remove_prefix(size);
    }
    return true;
  }

  std::string_view text_;
};

void apply(const DictionaryReader::Member& member, Priority& priority) {
  if (member.key == "u") {
    bool digit = member.item.size() == 1 && member.item[0] >= '0' && member.item[0] <= '7';
    if (digit) priority.urgency = uint8_t(member.item[0] - '0');
  } else if (member.key == "i") {
    if (member.item.empty() || member.item == "?1") priority.incremental = true;
    if (member.item == "?0") priority.incremental = false;
  }
}

}  // namespace

std::optional<Priority> parse_priority(std::string_view value, Priority base) {
  DictionaryReader reader(value);
  reader.skip(" ");
  while (!reader.at_end()) {
    DictionaryReader::Member member;
    if (!reader.member(member)) return std::nullopt;
    apply(member, base);
    reader.skip(" \t");
    if (reader.at_end()) break;
    if (!reader.take(',')) return std::nullopt;
    reader.skip(" \t");
    if (reader.at_end()) return std::nullopt;
  }
  return base;
}

}  // namespace sluice::http
