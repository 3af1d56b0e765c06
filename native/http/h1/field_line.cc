#include "http/h1/field_line.h"

#include "http/h1/octets.h"

namespace sluice::h1 {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t'; }

/// `at` is a CR: true when nothing but CRs stands between it and the line feed, to which it moves.
/// Those before the last are bare; as RFC 9112 section 2.2 allows they count as white space, which
/// is not part of the value here.
bool skip_line_end(const char*& at, const char* end) {
  while (at != end && *at == '\r') ++at;
  return at != end && *at == '\n';
}

FieldLine invalid(const char* start, const char* at, const char* end) {
  FieldLine line;
  line.kind = FieldLine::Kind::invalid;
  line.octet = at == end ? 0 : static_cast<unsigned char>(*at);
  line.name = {start, at};
  return line;
}

/// What `start` begins has no name character at `at`, nor the colon after a name. True if the name
/// goes on.
bool odd_octet(const char* start, const char* at, FieldLine& line) {
  auto octet = static_cast<unsigned char>(*at);
  if (octet == '_') {
    line.underscore = true;
    return true;
  }
  if (octet <= ' ' || octet == 0x7f || (octet == ':' && at == start)) return false;
  line.odd_name = true;
  return true;
}

/// A line that ends before a colon came: the empty line, or a name alone.
FieldLine line_without_colon(const char* start, const char* at, const char*& position,
                             const char* end, FieldLine line) {
  const char* name_end = at;
  bool empty = at == start;
  // The empty line is CRLF or LF, nothing else: it decides where the body begins.
  bool ended = empty && *at == '\r' ? ++at != end && *at == '\n' : skip_line_end(at, end);
  if (!ended) return invalid(start, name_end, end);
  position = at + 1;
  line.kind = empty ? FieldLine::Kind::end : FieldLine::Kind::field;
  line.name = {start, name_end};
  line.value = {name_end, 0};
  line.id = http::header_id(line.name);
  return line;
}

/// `at` is the colon and moves past the line, or to the byte that makes it invalid.
[[gnu::always_inline]] inline bool take_value(const char*& at, const char* end, const char* floor,
                                              std::string_view& value) {
  do ++at;
  while (at != end && is_blank(*at));
  const char* begin = at;
  const char* stop = octets::find<octets::ValueStop>(at, end, floor);
  at = stop;
  if (end - at >= 2 && at[0] == '\r' && at[1] == '\n') [[likely]] {
    at += 2;
  } else if (at != end && *at != '\0' && skip_line_end(at, end)) {
    ++at;
  } else {
    at = stop;
    return false;
  }
  while (stop != begin && is_blank(stop[-1])) --stop;
  value = {begin, stop};
  return true;
}

}  // namespace

FieldLine parse_field_line(const char*& position, const char* end, const char* floor) {
  const char* start = position;
  FieldLine line;
  if (std::string_view(start, end).starts_with("\r\n")) {
    position += 2;
    return line;
  }
  const char* at = octets::find<octets::NotName>(start, end, floor);
  while (at == end || *at != ':' || at == start) {
    if (at == end) return invalid(start, at, end);
    if (*at == '\n' || *at == '\r') return line_without_colon(start, at, position, end, line);
    if (!odd_octet(start, at, line)) return invalid(start, at, end);
    at = octets::find<octets::NotName>(at + 1, end, floor);
  }
  line.name = {start, at};
  if (!take_value(at, end, floor, line.value)) return invalid(start, at, end);
  position = at;
  line.kind = FieldLine::Kind::field;
  line.id = http::header_id(line.name);
  return line;
}

const char* add_plain_fields(const char* position, const char* end, const char* floor,
                             http::HeaderList& headers, size_t most) {
  while (headers.size() < most) {
    const char* at = octets::find<octets::NameEnd>(position, end, floor);
    if (at == end || *at != ':' || at == position) break;
    std::string_view name(position, at);
    http::HeaderId id = http::header_id(name);
    // The characters of a name that is known need no look.
    bool plain =
        id != http::HeaderId::other || octets::find<octets::NotName>(position, at, floor) == at;
    std::string_view value;
    if (!plain || !take_value(at, end, floor, value)) break;
    headers.add(name, value, id);
    position = at;
  }
  return position;
}

}  // namespace sluice::h1
