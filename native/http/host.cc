#include "http/host.h"

#include <array>

namespace sluice::http {
namespace {

enum : uint8_t { name_octet = 1, literal_octet = 2, upper_case = 4, dot = 8 };

constexpr auto octets = [] {
  std::array<uint8_t, 256> table{};
  for (int c = 'a'; c <= 'z'; ++c) table[c] = name_octet | literal_octet;
  for (int c = 'A'; c <= 'Z'; ++c) table[c] = name_octet | literal_octet | upper_case;
  for (int c = '0'; c <= '9'; ++c) table[c] = name_octet | literal_octet;
  for (unsigned char c : std::string_view("-._~!$&'()*+,;=")) table[c] = name_octet | literal_octet;
  table['.'] |= dot;
  table['%'] = name_octet;
  table[':'] = literal_octet;
  return table;
}();

/// `:` and at most five digits, or nothing.
std::optional<uint16_t> parse_port(std::string_view text) {
  if (text.empty()) return 0;
  if (text[0] != ':') return std::nullopt;
  uint32_t port = 0;
  for (char c : text.substr(1)) {
    if (c < '0' || c > '9') return std::nullopt;
    port = port * 10 + static_cast<uint32_t>(c - '0');
    if (port > 65535) return std::nullopt;
  }
  return static_cast<uint16_t>(port);
}

}  // namespace

std::optional<Host> parse_host(std::string_view text, Arena& arena) {
  bool literal = text.starts_with('[');
  uint8_t allowed = literal ? literal_octet : name_octet;
  uint8_t seen = 0;
  const char* end = text.data() + text.size();
  const char* at = text.data() + (literal ? 1 : 0);
  const char* last_dot = nullptr;
  for (; at != end; ++at) {
    uint8_t kind = octets[static_cast<unsigned char>(*at)];
    if (!(kind & allowed)) break;
    if (kind & dot) [[unlikely]] {
      if (last_dot && last_dot + 1 == at) return std::nullopt;
      last_dot = at;
    }
    seen |= kind;
  }
  auto size = static_cast<size_t>(at - text.data());
  if (literal) {
    if (size == text.size() || text[size] != ']') return std::nullopt;
    ++size;
  }

  std::optional<uint16_t> port = parse_port(text.substr(size));
  if (!port) return std::nullopt;
  if (!literal && size > 0 && text[size - 1] == '.') --size;
  if (size == 0) return std::nullopt;

  std::string_view name = text.substr(0, size);
  if (seen & upper_case) {
    std::span<char> lower = arena.text(size);
    for (size_t i = 0; i < size; ++i) {
      bool upper = octets[static_cast<unsigned char>(name[i])] & upper_case;
      lower[i] = upper ? static_cast<char>(name[i] | 0x20) : name[i];
    }
    name = {lower.data(), size};
  }
  return Host{name, *port};
}

}  // namespace sluice::http
