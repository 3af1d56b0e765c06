#include "http/field_section.h"

#include <algorithm>
#include <array>

#include "http/field_value.h"
#include "http/join.h"
#include "http/request_check.h"
#include "http/section_names.h"
#include "http/trailer_rules.h"
#include "http/uri.h"
#include "proxy/runtime.h"

namespace sluice::http {
namespace {

enum class NameKind : uint8_t { good, underscore, odd, invalid };

/// As nginx: what can't be in any name is refused, what merely isn't usual is invalid.
constexpr auto name_octets = [] {
  std::array<NameKind, 256> table{};
  table.fill(NameKind::odd);
  for (int c = 0; c <= ' '; ++c) table[c] = NameKind::invalid;
  for (int c = 'A'; c <= 'Z'; ++c) table[c] = NameKind::invalid;
  table[0x7f] = table[':'] = NameKind::invalid;
  for (int c = 'a'; c <= 'z'; ++c) table[c] = NameKind::good;
  for (int c = '0'; c <= '9'; ++c) table[c] = NameKind::good;
  table['-'] = NameKind::good;
  table['_'] = NameKind::underscore;
  return table;
}();

NameKind kind_of(std::string_view name, bool underscores) {
  if (name.empty()) return NameKind::invalid;
  NameKind worst = NameKind::good;
  for (unsigned char c : name) {
    NameKind kind = name_octets[c];
    if (kind == NameKind::underscore) kind = underscores ? NameKind::good : NameKind::odd;
    worst = std::max(worst, kind);
  }
  return worst;
}

/// RFC 9113 section 8.2.1.
bool is_valid_value(std::string_view value) {
  for (char c : value) {
    if (c == '\0' || c == '\r' || c == '\n') return false;
  }
  return true;
}

/// nginx's characters of a method.
bool is_method(std::string_view name) {
  if (name.empty()) return false;
  for (char c : name) {
    if (!((c >= 'A' && c <= 'Z') || c == '_' || c == '-')) return false;
  }
  return true;
}

/// RFC 3986 section 3.1.
bool is_scheme(std::string_view scheme) {
  auto is_letter = [](char c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; };
  if (scheme.empty() || !is_letter(scheme[0])) return false;
  for (char c : scheme) {
    bool good = is_letter(c) || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
    if (!good) return false;
  }
  return true;
}

/// RFC 9113 section 8.3.1, and nothing that would break a request line of HTTP/1. `*` is refused,
/// as nginx does.
bool is_path(std::string_view path) {
  if (!path.starts_with('/')) return false;
  for (unsigned char c : path) {
    if (c <= ' ' || c == 0x7f) return false;
  }
  return true;
}

std::string_view trim(std::string_view value) {
  auto is_space = [](char c) { return c == ' ' || c == '\t'; };
  while (!value.empty() && is_space(value.front())) value.remove_prefix(1);
  while (!value.empty() && is_space(value.back())) value.remove_suffix(1);
  return value;
}

}  // namespace

FieldRules FieldRules::of(const ConnectionConf& conf) {
  return {
      .ignore_invalid_headers = conf.ignore_invalid_headers,
      .underscores_in_headers = conf.underscores_in_headers,
      .max_headers = conf.max_headers,
      .max_size = conf.large_buffer_count * conf.large_buffer_size,
      .extended_connect = true,
  };
}

RequestFields::Added RequestFields::refuse(RequestError error, std::string_view name,
                                           std::string_view value) {
  why_.error = error;
  why_.field = {.name = arena_.copy(name), .value = arena_.copy(value)};
  return Added::refused;
}

RequestFields::Added RequestFields::add(std::string_view name, std::string_view value) {
  size_t size = name.size() + value.size();
  if (size > rules_.max_size - size_) return refuse(RequestError::head_too_large);
  size_ += uint32_t(size);

  bool pseudo = name.starts_with(':');
  NameKind kind = kind_of(pseudo ? name.substr(1) : name, rules_.underscores_in_headers);
  if (kind == NameKind::invalid) return refuse(RequestError::invalid_field_name, name);
  if (!is_valid_value(value)) return refuse(RequestError::invalid_field_value, name, value);
  if (pseudo) return add_pseudo_header(name, value);

  fields_begun_ = true;
  if (kind == NameKind::odd && rules_.ignore_invalid_headers) return Added::ignored;
  HeaderId id = header_id(name);
  value = trim(value);
  if (is_connection_specific(id, value)) return refuse(RequestError::connection_field, name, value);
  if (id == HeaderId::cookie && cookie_) return add_cookie(value);
  if (head_.headers.size() >= rules_.max_headers) {
    return refuse(RequestError::too_many_header_lines);
  }
  head_.headers.add(arena_.copy(name), arena_.copy(value), id);
  if (id == HeaderId::cookie) cookie_ = head_.headers.size();
  return Added::taken;
}

/// Cookies come in crumbs (RFC 9113 section 8.2.3).
RequestFields::Added RequestFields::add_cookie(std::string_view value) {
  Header& field = head_.headers.begin()[cookie_ - 1];
  field.value = join(arena_, {field.value, "; ", value});
  return Added::taken;
}

RequestFields::Added RequestFields::add_pseudo_header(std::string_view name,
                                                      std::string_view value) {
  if (fields_begun_) return refuse(RequestError::misplaced_pseudo_header);
  std::string_view* member = name == ":method"                                ? &head_.method_name
                             : name == ":path"                                ? &head_.target
                             : name == ":scheme"                              ? &head_.scheme
                             : name == ":authority"                           ? &head_.authority
                             : name == ":protocol" && rules_.extended_connect ? &protocol_
                                                                              : nullptr;
  if (!member) return refuse(RequestError::unknown_pseudo_header, name);
  if (member->data()) return refuse(RequestError::duplicate_pseudo_header, name);
  bool valid = member == &head_.method_name ? is_method(value)
               : member == &head_.target    ? is_path(value)
               : member == &head_.scheme    ? is_scheme(value)
                                            : !value.empty();
  if (!valid) return refuse(RequestError::invalid_pseudo_header, name, value);
  *member = arena_.copy(value);
  if (member == &head_.method_name) head_.method = parse_method(head_.method_name);
  return Added::taken;
}

bool RequestFields::missing(std::string_view name) {
  refuse(RequestError::missing_pseudo_header, name);
  return false;
}

void RequestFields::take_target() {
  head_.uri = head_.target.empty() ? std::string_view("/") : head_.target;
  UriParts parts = split_uri(head_.uri);
  head_.path = parts.path;
  head_.query = parts.query;
  head_.has_query = parts.has_query;
}

void RequestFields::describe() {
  if (!head_.target.empty() && head_.path.empty()) take_target();
  if (head_.method_name.empty() || head_.target.empty()) return;
  head_.line =
      join(arena_, {head_.method_name, " ", head_.target, " ", version_name(head_.version)});
}

// What the request is for is in `:authority`, which HTTP/1 has in Host: there is one field in the
// end (RFC 9113 section 8.3.1).
bool RequestFields::take_authority() {
  const Header* host = head_.headers.find(HeaderId::host);
  if (head_.authority.empty()) {
    if (!host) refuse(RequestError::missing_authority);
    return host;
  }
  if (!host) {
    head_.headers.add("host", head_.authority, HeaderId::host);
    return true;
  }
  if (iequals(host->value, head_.authority)) return true;
  refuse(RequestError::other_authority);
  return false;
}

bool RequestFields::finish(bool ended) {
  bool tunnel = head_.method == Method::connect && protocol_.empty();
  if (head_.method_name.empty()) return missing(":method");
  if (!protocol_.empty() && head_.method != Method::connect) {
    refuse(RequestError::unknown_pseudo_header, ":protocol");
    return false;
  }
  if (!tunnel && head_.scheme.empty()) return missing(":scheme");
  if (!tunnel && head_.target.empty()) return missing(":path");
  take_target();
  describe();
  if (!take_authority()) return false;

  bool extended = !protocol_.empty();
  if (check_request(head_, extended, arena_, why_) != RequestError::none) return false;
  head_.keep_alive = true;
  if (extended) return true;
  // RFC 9113 section 8.1.1: a length that isn't kept makes a request malformed.
  if (ended && head_.content_length.value_or(0) > 0) {
    refuse(RequestError::invalid_content_length);
    return false;
  }
  head_.chunked = !ended && !head_.content_length;
  return true;
}

bool add_trailer(RequestHead& head, Arena& arena, const FieldRules& rules, std::string_view name,
                 std::string_view value) {
  NameKind kind = kind_of(name, rules.underscores_in_headers);
  HeaderId id = header_id(name);
  if (name.starts_with(':') || kind == NameKind::invalid || !is_valid_value(value)) return false;
  value = trim(value);
  if (is_connection_specific(id, value) || head.trailers.size() >= rules.max_headers) return false;
  if (never_trailers.contains(id) || (kind == NameKind::odd && rules.ignore_invalid_headers)) {
    return true;
  }
  head.trailers.add(arena.copy(name), arena.copy(value), id);
  return true;
}

}  // namespace sluice::http
