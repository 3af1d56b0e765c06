#pragma once

#include <string_view>

#include "http/message.h"

namespace sluice::h1 {

/// One line of a field section, as nginx understands it (RFC 9112 section 5).
struct FieldLine {
  enum class Kind : unsigned char {
    field,
    end,      ///< the empty line
    invalid,  ///< see `octet`: white space before the colon, a folded line, NUL, a bare CR, a
              ///< control character in the name
  };
  Kind kind = Kind::end;
  bool odd_name = false;    ///< the name has characters besides letters, digits, `-` and `_`
  bool underscore = false;  ///< the name has `_`
  unsigned char octet = 0;  ///< the byte that makes the line invalid
  http::HeaderId id = http::HeaderId::other;  ///< of a `field`
  std::string_view name;                      ///< of an invalid line: all that came before `octet`
  std::string_view value;  ///< without surrounding white space; empty when there is no colon
};

/// Parses the line at `position`, which moves past it; one that doesn't end before `end` is
/// invalid. The bytes from `floor` to `position` may be read too.
FieldLine parse_field_line(const char*& position, const char* end, const char* floor);

/// Adds the fields from `position` on, as long as their names have nothing but letters, digits and
/// `-`, and `headers` no more than `most`. Returns where it stops: at the beginning of a line that
/// is for parse_field_line(), the empty one for instance.
const char* add_plain_fields(const char* position, const char* end, const char* floor,
                             http::HeaderList& headers, size_t most);

}  // namespace sluice::h1
