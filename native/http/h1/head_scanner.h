#pragma once

#include <cstddef>
#include <string_view>

namespace sluice::h1 {

/// Finds the empty line that ends a head (RFC 9112 section 2.1; a bare LF ends a line too,
/// section 2.2). Every byte is looked at once, however the head arrives in pieces.
class HeadScanner {
 public:
  /// `bytes`: all of the head so far, beginning with its start line.
  /// The head's size through its empty line, or 0 while that is missing.
  size_t find_end(std::string_view bytes);

 private:
  size_t scanned_ = 0;
};

/// How many CRs and LFs lead `bytes`: a server skips empty lines before a request (RFC 9112
/// section 2.2).
size_t leading_blank(std::string_view bytes);

}  // namespace sluice::h1
