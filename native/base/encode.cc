#include "base/encode.h"

#include <algorithm>
#include <array>

namespace sluice {
namespace {

using Set = std::array<bool, 256>;

constexpr Set no_graphic(std::string_view also) {
  Set set{};
  for (int c = 0; c < 256; ++c) set[c] = c <= ' ' || c >= 0x7f;
  for (unsigned char c : also) set[c] = true;
  return set;
}

constexpr Set all_but_unreserved() {
  Set set{};
  for (int c = 0; c < 256; ++c) {
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    bool digit = c >= '0' && c <= '9';
    set[c] = !letter && !digit && c != '-' && c != '.' && c != '_' && c != '~';
  }
  return set;
}

/// By Escape. RFC 3986 allows none of `" < > \ ^ { | }` and the grave accent anywhere;
/// that nginx takes `~` for `}` in a Refresh field is kept.
constexpr Set escaped[] = {
    no_graphic("\"#%?<>\\^`{|}"), no_graphic("\"#%&+;?<>\\^`{|}"), all_but_unreserved(),
    no_graphic("\"#%'<>\\^`{|}"), no_graphic("\"'<>\\^`{|~"),
};

constexpr const Set& set_of(Escape kind) { return escaped[static_cast<size_t>(kind)]; }

constexpr char upper_digits[] = "0123456789ABCDEF";
constexpr char lower_digits[] = "0123456789abcdef";

constexpr int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c |= 0x20;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

constexpr char base64_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr char base64url_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

using Values = std::array<int8_t, 256>;
constexpr Values values_of(const char* alphabet) {
  Values values{};
  values.fill(-1);
  for (int i = 0; i < 64; ++i) values[static_cast<unsigned char>(alphabet[i])] = i;
  return values;
}
constexpr Values base64_values = values_of(base64_alphabet);
constexpr Values base64url_values = values_of(base64url_alphabet);

std::optional<std::string_view> decode(std::string_view text, const Values& values, Arena& arena) {
  for (int padding = 0; padding < 2 && text.ends_with('='); ++padding) text.remove_suffix(1);
  if (text.size() % 4 == 1) return {};

  std::span<char> room = arena.text(text.size() * 3 / 4);
  size_t used = 0;
  uint32_t pending = 0;
  int bits = 0;
  for (unsigned char c : text) {
    if (values[c] < 0) return {};
    pending = pending << 6 | values[c];
    bits += 6;
    if (bits >= 8) room[used++] = static_cast<char>(pending >> (bits -= 8));
  }
  return arena.trim(room, used);
}

}  // namespace

size_t escaped_size(Escape kind, std::string_view text) {
  const Set& set = set_of(kind);
  size_t size = text.size();
  for (unsigned char c : text) size += set[c] ? 2 : 0;
  return size;
}

char* escape(Escape kind, std::string_view text, char* out) {
  const Set& set = set_of(kind);
  for (unsigned char c : text) {
    if (set[c]) {
      *out++ = '%';
      *out++ = upper_digits[c >> 4];
      *out++ = upper_digits[c & 15];
    } else {
      *out++ = c;
    }
  }
  return out;
}

std::string_view escape(Escape kind, std::string_view text, Arena& arena) {
  size_t size = escaped_size(kind, text);
  if (size == text.size()) return text;
  std::span<char> room = arena.text(size);
  escape(kind, text, room.data());
  return {room.data(), size};
}

char* unescape(Unescape kind, std::string_view& text, char* out) {
  size_t i = 0;
  while (i < text.size()) {
    char c = text[i++];
    bool literal = c != '%';
    if (!literal) {
      if (i == text.size()) break;
      int high = hex_value(text[i++]);
      if (high < 0) {
        *out++ = text[i - 1];
        continue;
      }
      if (i == text.size()) break;
      int low = hex_value(text[i++]);
      if (low < 0) continue;
      c = static_cast<char>(high << 4 | low);
    }
    if (kind == Unescape::redirect && !literal && c != '?' && (c <= '%' || c >= 0x7f)) {
      *out++ = '%';
      *out++ = text[i - 2];
      *out++ = text[i - 1];
      continue;
    }
    *out++ = c;
    if (c == '?' && kind != Unescape::all) break;
  }
  text.remove_prefix(i);
  return out;
}

std::string_view unescape(std::string_view text, Arena& arena) {
  if (text.find('%') == text.npos) return text;
  std::span<char> room = arena.text(text.size());
  char* end = unescape(Unescape::all, text, room.data());
  return arena.trim(room, end - room.data());
}

std::string_view escape_html(std::string_view text, Arena& arena) {
  auto reference = [](char c) -> std::string_view {
    switch (c) {
      case '<':
        return "&lt;";
      case '>':
        return "&gt;";
      case '&':
        return "&amp;";
      case '"':
        return "&quot;";
    }
    return {};
  };
  size_t size = text.size();
  for (char c : text) {
    std::string_view replacement = reference(c);
    if (!replacement.empty()) size += replacement.size() - 1;
  }
  if (size == text.size()) return text;

  std::span<char> room = arena.text(size);
  char* out = room.data();
  for (char c : text) {
    std::string_view replacement = reference(c);
    if (replacement.empty()) {
      *out++ = c;
    } else {
      out = std::copy(replacement.begin(), replacement.end(), out);
    }
  }
  return {room.data(), size};
}

char* encode_base64(std::string_view bytes, char* out) {
  auto byte = [&](size_t i) -> uint32_t {
    return i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0;
  };
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t group = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
    *out++ = base64_alphabet[group >> 18];
    *out++ = base64_alphabet[group >> 12 & 63];
    *out++ = i + 1 < bytes.size() ? base64_alphabet[group >> 6 & 63] : '=';
    *out++ = i + 2 < bytes.size() ? base64_alphabet[group & 63] : '=';
  }
  return out;
}

std::optional<std::string_view> decode_base64(std::string_view text, Arena& arena) {
  return decode(text, base64_values, arena);
}

std::optional<std::string_view> decode_base64url(std::string_view text, Arena& arena) {
  return decode(text, base64url_values, arena);
}

char* encode_hex(std::string_view bytes, char* out) {
  for (unsigned char c : bytes) {
    *out++ = lower_digits[c >> 4];
    *out++ = lower_digits[c & 15];
  }
  return out;
}

}  // namespace sluice
