#pragma once

#include <string_view>

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
  std::string_view name;    ///< of an invalid line: all that came before `octet`
  std::string_view value;   ///< without surrounding white space; empty when there is no colon
};

/// Parses the line at `position`, which moves past it. A complete field section, with its empty
/// line, lies before `end`; the bytes from `floor` to `position` may be read too.
FieldLine parse_field_line(const char*& position, const char* end, const char* floor);

}  // namespace sluice::h1
